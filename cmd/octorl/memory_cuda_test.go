//go:build cuda

package main

import (
	"testing"

	"github.com/octorl/octorl/actors"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cuda"
	"github.com/octorl/octorl/learner"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout"
)

// planned is a device of so many bytes, and what one of the bench's shapes is.
func planned(t *testing.T, memory int64) cuda.Planner {
	t.Helper()
	dev, err := cuda.Plan(kernels.Info{Name: "card", Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func shapeNamed(t *testing.T, name string) gpuShape {
	t.Helper()
	for _, s := range gpuShapes() {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("no shape %s", name)
	return gpuShape{}
}

// TestLargestShapesFit trains llama3.2-3b on microbatches of 32,768 tokens in the
// 141 GB of an H200, and the smaller shapes as the bench does in 80 GB, on devices
// that count.
func TestLargestShapesFit(t *testing.T) {
	for _, tt := range []struct {
		shape  string
		tokens int
		memory int64
	}{
		{"llama3.2-3b", 8 * 4096, 141e9}, {"llama3.2-3b", 2 * 4096, cards["h100"]}, {"llama3.2-1b", 8 * 4096, cards["h100"]},
		{"small-125m", 64 * 2048, cards["h100"]}, {"tiny-10m", 256 * 512, cards["h100"]},
	} {
		dev := planned(t, tt.memory-cuda.ContextBytes)
		shape := shapeNamed(t, tt.shape).config
		e, err := trainingMemory(dev.Info(), shape, tt.tokens)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.reserve(dev); err != nil {
			t.Fatal(err)
		}
		p, err := policy.New(dev, shape)
		if err != nil {
			t.Fatal(err)
		}
		c := learner.DefaultMidConfig()
		c.MicrobatchTokens = tt.tokens
		trainer, err := learner.NewMidTrainer(p, c)
		if err != nil {
			t.Fatalf("%s: %v", tt.shape, err)
		}
		if _, err := trainer.Step([][]int32{make([]int32, tt.tokens+1)}, 0); err != nil {
			t.Fatalf("%s: %v", tt.shape, err)
		}
		_, peak := dev.Memory()
		t.Logf("%s, microbatches of %d tokens: %.1f GiB, of which %.2f are workspace, and %.2f of driver and kernels", tt.shape, tt.tokens,
			float64(peak)/(1<<30), float64(dev.Workspace())/(1<<30), float64(cuda.ContextBytes)/(1<<30))
		if got, want := peak+cuda.ContextBytes, int64(e.total()); !near(got, want, 1e-3) {
			t.Errorf("%s takes %d bytes, the estimate is %d", tt.shape, got, want)
		}
	}
}

// near reports whether a and b differ by at most a share of b.
func near(a, b int64, share float64) bool { return max(a-b, b-a) <= int64(share*float64(b)) }

// TestEstimateIsWhatIsAllocated makes what the head of a run makes on a device
// that counts, for recipes of several shapes, and compares with the estimate.
func TestEstimateIsWhatIsAllocated(t *testing.T) {
	for _, name := range []string{"quickstart", "toy-branches", "gsm8k-small"} {
		r, err := openRecipe(name)
		if err != nil {
			t.Fatal(err)
		}
		compareEstimate(t, name, r)
	}
}

func compareEstimate(t *testing.T, name string, r *config.Recipe) {
	t.Helper()
	c, err := shapeOf(r)
	if err != nil {
		t.Fatal(err)
	}
	dev := planned(t, cards["h100"])
	e, err := estimateMemory(r, c, dev.Info())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.reserve(dev); err != nil {
		t.Fatal(err)
	}
	p, err := policy.New(dev, c)
	if err != nil {
		t.Fatal(err)
	}
	sizes := actors.SizesOn(dev.Info(), c, actors.NeedsOf(r))
	mid := learner.DefaultMidConfig()
	mid.MicrobatchTokens = microbatch(r, c, sizes)
	trainer, err := learner.NewMidTrainer(p, mid)
	if err != nil {
		t.Fatal(err)
	}
	engine := func(p *policy.Policy, rows, prompt int) {
		cfg := rollout.Default()
		cfg.Rows, cfg.PromptTokens, cfg.SequenceTokens, cfg.PageTokens = rows, prompt, c.MaxPositions, actors.PageTokens
		cfg.Decode = func([]int32) string { return "" }
		if _, err := rollout.New(p, cfg); err != nil {
			t.Fatal(err)
		}
	}
	for range r.Scale.Rollouts {
		engine(p, actors.NeedsOf(r).Samples*sizes.Groups, sizes.PromptTokens)
	}
	examined, err := policy.New(dev, c)
	if err != nil {
		t.Fatal(err)
	}
	engine(examined, actors.ExamRows, c.MaxPositions)
	if _, err := trainer.Step([][]int32{make([]int32, mid.MicrobatchTokens+1)}, 0); err != nil {
		t.Fatal(err)
	}
	_, peak := dev.Memory()
	if got, want := peak+cuda.ContextBytes, int64(e.total()); !near(got, want, 0.01) {
		t.Errorf("%s takes %d bytes, the estimate is %d", name, got, want)
	} else {
		t.Logf("%s takes %d bytes, the estimate is %d", name, got, want)
	}
}
