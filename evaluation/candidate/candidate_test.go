package candidate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/devicetest"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/policy/tokenizer"
	"github.com/octorl/octorl/rollout/trajectory"
)

// untrained is a tiny policy with random weights.
func untrained(t *testing.T) *Candidate {
	t.Helper()
	tokens, err := tokenizer.Train(slices.Values([]string{"one and two are three, two and three are five"}), tokenizer.TrainConfig{Vocab: 280})
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.New(devicetest.Open(t), policy.Config{
		Architecture: policy.Llama, Vocab: tokens.VocabSize(), Hidden: 16, Layers: 1, FFN: 24,
		Heads: kernels.Heads{Query: 2, KeyValue: 1, Width: 8}, MaxPositions: 64, NormEps: 1e-5, Rope: policy.Rope{Theta: 1e4}, TieEmbeddings: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Free)
	p.Init(1)
	return &Candidate{Policy: p, Tokenizer: tokens}
}

// drawn returns the completions of questions, by problem and index.
func drawn(t *testing.T, c *Candidate, s evaluation.Settings, prompts ...string) map[string]string {
	t.Helper()
	var questions []exam.Question
	for _, text := range prompts {
		q := exam.Question{Prompt: c.Encode(text), MaxTokens: 12}
		q.Problem.ID = text
		questions = append(questions, q)
	}
	out := map[string]string{}
	err := c.Sample(t.Context(), s, questions, func(i int, all []trajectory.Trajectory) {
		for k, one := range all {
			out[fmt.Sprintf("%s/%d", prompts[i], k)] = one.Text
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDrawsDependOnSeedAndProblemAlone asks the same with other questions beside, in
// another order and with another number of rows.
func TestDrawsDependOnSeedAndProblemAlone(t *testing.T) {
	c := untrained(t)
	s := evaluation.Settings{Samples: 3, Temperature: 1, Seed: 5}
	want := drawn(t, c, s, "one and", "two", "three and five are")
	if len(want) != 9 || want["two/0"] == want["two/1"] {
		t.Fatalf("drawn %q", want)
	}
	c.Rows = 2
	if got := drawn(t, c, s, "three and five are", "one and", "two"); !maps.Equal(got, want) {
		t.Errorf("in another order: %q, want %q", got, want)
	}
	for key, text := range drawn(t, c, s, "two") {
		if text != want[key] {
			t.Errorf("alone, %s: %q, want %q", key, text, want[key])
		}
	}
	s.Seed++
	if got := drawn(t, c, s, "two"); got["two/0"] == want["two/0"] && got["two/1"] == want["two/1"] {
		t.Error("another seed drew the same")
	}
	if c.Rate() != 0 {
		t.Error("a rate between papers")
	}
}

func TestSampleEndsWithItsContext(t *testing.T) {
	c := untrained(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q := exam.Question{Prompt: c.Encode("two"), MaxTokens: 8}
	q.Problem.ID = "two"
	err := c.Sample(ctx, evaluation.Settings{Samples: 1}, []exam.Question{q}, func(int, []trajectory.Trajectory) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestDigestNamesWhatDecidesTheAnswers(t *testing.T) {
	dir := t.TempDir()
	digest := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := Digest(dir)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := digest("model.safetensors", "weights")
	if digest("optimizer.safetensors", "moments") != first || digest("README.md", "about") != first {
		t.Error("files that change no answer change the digest")
	}
	for _, name := range []string{"model.safetensors", "config.json", "generation_config.json", "tokenizer.json"} {
		if next := digest(name, "other"); next == first {
			t.Errorf("%s does not change the digest", name)
		} else {
			first = next
		}
	}
}
