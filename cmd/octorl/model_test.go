package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cpu"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/policy/tokenizer"
)

const endToken = "<|end|>"

// saveModel saves a tiny random policy with a tokenizer, as a run does.
func saveModel(t *testing.T, dir string) {
	t.Helper()
	texts := []string{"two and two make four", "one and one make two", "four and one make five", "two make four and one", "über vier und über zwei", "five makes three and three makes five"}
	tokens, err := tokenizer.Train(slices.Values(texts), tokenizer.TrainConfig{Vocab: 280, Specials: []string{endToken}})
	if err != nil {
		t.Fatal(err)
	}
	end, _ := tokens.ID(endToken)
	if end != 279 {
		t.Fatalf("the end token is %d: the texts give too few merges", end)
	}
	dev := cpu.Open(cpu.Config{Threads: 2})
	defer dev.Close()
	p, err := policy.New(dev, policy.Config{
		Architecture: policy.Qwen3, Vocab: tokens.VocabSize(), Hidden: 16, Layers: 2, FFN: 24, MaxPositions: 96,
		NormEps: 1e-5, Heads: kernels.Heads{Query: 4, KeyValue: 2, Width: 8}, Rope: policy.Rope{Theta: 10000}, EOS: []int32{end},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Init(3)
	err = policy.WriteDir(dir, func(tmp string) error {
		return errors.Join(p.Save(tmp), tokens.Save(filepath.Join(tmp, "tokenizer.json")), policy.WriteTokenizerConfig(tmp, endToken))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// saveCritic saves a critic of the policy in dir beside it, as a run does.
func saveCritic(t *testing.T, dir string) {
	t.Helper()
	dev := cpu.Open(cpu.Config{Threads: 2})
	defer dev.Close()
	p, err := policy.Load(dev, dir)
	if err != nil {
		t.Fatal(err)
	}
	critic, err := p.NewCritic()
	if err != nil {
		t.Fatal(err)
	}
	err = policy.WriteDir(dir, func(tmp string) error {
		folder := filepath.Join(tmp, policy.CriticDir)
		return errors.Join(os.CopyFS(tmp, os.DirFS(dir)), os.Remove(filepath.Join(tmp, policy.ManifestFile)), os.Mkdir(folder, 0o755), critic.Save(folder))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// openTestModel opens a model from saveModel.
func openTestModel(t *testing.T) *model {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	saveModel(t, dir)
	m, err := openModel(dir, deviceFlag{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	return m
}

func TestCheckpointOf(t *testing.T) {
	run := makeRun(t, "first")
	for source, want := range map[string]string{
		run:                           run, // a folder is taken as it is
		run + "@first":                finalCheckpoint(run, "first"),
		finalCheckpoint(run, "first"): finalCheckpoint(run, "first"),
	} {
		if got, err := checkpointOf(source); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", source, got, err, want)
		}
	}
	for source, want := range map[string]string{
		run + "@second": "finished are: first",
		run + "x":       "is no folder; give that of a checkpoint, or a stage of a run as RUN@STAGE",
		run + "x@first": "is no run directory",
	} {
		if _, err := checkpointOf(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", source, err, want)
		}
	}
}
