package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/kernels"
)

const explained = `
name: small
seed: 7
policy:
  shape: {layers: 1, hidden: 32, heads: 2, kvHeads: 1, headWidth: 16, ffn: 48, maxPositions: 160}
tokenizer: {vocab: 300, trainBytes: 20000}
stages:
  - name: text
    train: {tokens: 3000, batchTokens: 256, maxDocumentTokens: 64, mixture: {qa-short: 1}}
    optimizer: {lr: 1e-2}
  - name: rl
    from: text
    rl:
      steps: 5
      groupsPerStep: 6
      samples: 4
      maxResponseTokens: [{fromStep: 0, tokens: 8}, {fromStep: 2, tokens: 12}, {fromStep: 5, tokens: 20}]
      evaluateEvery: 2
      verifier: {mode: octothinker, deadlineSeconds: 1.5}
      reward: {shape: v2.wformat}
evaluation: {limit: 9, sampledProblems: 2, n: 3, maxTokens: 12}
checkpoint: {everySteps: 2, keep: 1}
scale: {rollouts: 2}
`

// TestExplain checks the numbers of a small recipe, worked out by hand:
//
//	batches      3000/256, rounded up = 12 of 256 = 3072 tokens
//	completions  5 steps · 6 · 4 = 120; tokens 24 · (2·8 + 3·12) = 1248
//	probes       before steps 1, 3 and 5 = 3 of 9/4, rounded up = 3 problems
//	evaluations  2 stages · (9 + 2·3) + 3·3 = 39 completions
//	matrices     300·32 + (32 + 16 + 16)·32 + 32·32 + 3·32·48 = 17,280
//	parameters   17,280 + 3 gains of 32 = 17,376: 4 bytes each are 67.875 KiB
//	checkpoint   12 · 17,376 = 208,512 bytes = 203.625 KiB
//	a layer      2·32 + (2 + 2·1)·16 + 2·16 + 2·48 + 2 + 2 = 260 numbers a token
//	shared       4·32 + 48 = 176;  backward 2·32 + 64 + 32 + 96 = 256
//	besides      3 + 4 of a segment + 4 of a prediction = 11, and a coefficient
//	training     4096 · (260 + 176 + 256 + 12) · 4 = 4096 · 2816 = 11 MiB
//	sampling     2 rollouts · 160 · (260 + 176 + 11) · 4 = 320 · 1788 = 558.75 KiB
//	cache        2 · 8·4 completions · 11 pages of 16 · 2·16 · 4 = 1,441,792 bytes = 1.375 MiB
//	evaluator    4 · (17,376 + 17,280) = 138,624 bytes; 3 versions, 208,512 bytes;
//	             160 · 1788 + 32 · 176 · 128 = 1,006,976 bytes
//	together     69,504 + 138,240 + 208,512 + the last six = 15,318,656 bytes = 14.61 MiB
func TestExplain(t *testing.T) {
	got := explainLines(t, explained)
	for _, want := range []string{
		"run small, seed 7",
		"text - text 12 256 3,072 0.01 cosine",
		"rl text rl 5 - - 0.0002 constant",
		"all 3,072",
		"rl 6 24 2 120 1,248 8, 12 after 2 steps",
		"all 120 1,248",
		"rl octothinker 1.5s 1, -0.5, -1 v2.wformat",
		"policy initialized: 1 layers, 32 channels, 2 heads and 1 key/value heads of 16, feed-forward 48, 160 positions",
		"parameters 17,376",
		"tokenizer trained to 300 tokens on 20,000 bytes of the stages' text",
		"evaluation generated-1-4, template simple, judged boxed: 9 problems greedily, 2 by 3 completions; at most 12 tokens each",
		"probes 3 inside stages, beside the training: a quarter of the problems greedily",
		"their completions 39",
		"checkpoints every 2 steps and at the end of each stage; the newest 1 of an unfinished stage stay",
		"their disk 203.6 KiB each, 407.2 KiB for the 2 finished stages",
		"weights 67.9 KiB 4 bytes a parameter",
		"weights for products 135.0 KiB 2 · matrices, copied into the device's layout",
		"training state 203.6 KiB 12 bytes a parameter: gradient, moments",
		"activations, training 11.0 MiB 4096 tokens of a microbatch · 2816 bytes",
		"activations, sampling 558.8 KiB rollouts 2 · 160 tokens · 1788 bytes",
		"key/value cache 1.4 MiB rollouts 2 · 5632 positions of 32 completions · 128 bytes",
		"evaluator's policy 135.4 KiB weights",
		"evaluator's versions 203.6 KiB at most 3 versions held · 4 bytes a parameter",
		"evaluator's sampling 983.4 KiB 160 tokens · 1788 bytes + 5632 positions of 32 completions",
		"together 14.6 MiB",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no line %q in:\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// TestExplainReference adds what a KL penalty costs: weights, one copy of the
// matrices, and a microbatch without backward, 4096 · 1788 bytes.
func TestExplainReference(t *testing.T) {
	got := explainLines(t, strings.Replace(explained, "evaluateEvery: 2", "kl: 0.1", 1))
	// 69,504 + 69,120 + 7,323,648 = 7,462,272 bytes.
	want := "reference policy 7.1 MiB weights and 4096 tokens · 1788 bytes"
	if !slices.Contains(got, want) {
		t.Errorf("no line %q in:\n%s", want, strings.Join(got, "\n"))
	}
}

// TestExplainCritic adds what a critic costs in one of two stages:
//
//	matrices     of the trunk 17,280 − 300·32 = 7,680; the output matrix 9,600
//	a token      7,680 · (2 + 6 · 2 epochs) = 107,520 operations, times 1248 134.2 M
//	the policy   6 · 2 · 17,280 · 1248 = 258.8 M
//	parameters   17,376 + 32 = 17,408, of 4 + 12 bytes, and 2 copies of 7,680 ·  4:
//	             339,968 bytes
//	activations  4096 · (2816 − 4), for one number less a prediction
//	advantages   24 · 12 = 288 tokens and a quarter more, 7 numbers each: 10,080 bytes
//	checkpoint   12 · (17,376 + 17,408) = 417,408 bytes with one; 2 · 208,512 + 208,896
//	             = 625,920 in all
func TestExplainCritic(t *testing.T) {
	got := explainLines(t, strings.Replace(explained, "evaluateEvery: 2", "algorithm: ppo\n      epochs: 2\n      critic: {lambda: 0.95, updatesPerStep: 3}", 1))
	for _, want := range []string{
		"rl 6 24 4 120 1,248 8, 12 after 2 steps",
		"rl 0.001 6 1, 0.95 0.5 108 k 134 M 259 M",
		"their disk 203.6 KiB each, 407.6 KiB with a critic, 611.2 KiB for the 2 finished stages",
		"critic 332.0 KiB weights, 2 · matrices for products and 12 bytes of training state a parameter",
		"activations, critic 11.0 MiB 4096 tokens of a microbatch · 2812 bytes",
		"advantages 9.8 KiB at most 5/4 · 288 tokens of a step · 28 bytes",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no line %q in:\n%s", want, strings.Join(got, "\n"))
		}
	}
	for _, line := range explainLines(t, explained) {
		if strings.Contains(line, "critic") {
			t.Errorf("a run without a critic says %q", line)
		}
	}
}

// explainLines returns what is said of a recipe, with single spaces.
func explainLines(t *testing.T, recipe string) []string {
	t.Helper()
	r, err := config.Parse("small.yaml", []byte(recipe))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := explain(&out, r, kernels.Info{Name: "the tests'", Compute: kernels.Float32}); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

// TestExplainRefuses checks that a recipe's faults come as they do from run.
func TestExplainRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(path, []byte("stages: [{nam: x}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := (&explainVerb{Recipe: path}).Run()
	var invalid *config.InvalidError
	if !errors.As(err, &invalid) || invalid.Faults[0].Line != 1 || invalid.Faults[0].Column != 11 {
		t.Errorf("error %v, want a fault at line 1, column 11", err)
	}
	if err := (&explainVerb{Recipe: "quickstart", Steps: at(-1)}).Run(); err == nil || !strings.Contains(err.Error(), "--steps -1") {
		t.Errorf("error %v, want one that names --steps -1", err)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := decimal(n); got != want {
			t.Errorf("decimal(%d) is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{512: "0.5 KiB", 1 << 20: "1.0 MiB", 3 << 29: "1.5 GiB", 5 << 50: "5120.0 TiB"} {
		if got := formatBytes(n); got != want {
			t.Errorf("formatBytes(%d) is %q, want %q", n, got, want)
		}
	}
}
