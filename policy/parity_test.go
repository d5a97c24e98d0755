package policy

import (
	"math"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cpu"
)

// wideConfig has the head widths and row lengths of real policies, and more of
// everything than one tile of a kernel holds.
func wideConfig(arch string, width int) Config {
	c := tinyConfig(arch)
	c.Vocab, c.Hidden, c.FFN, c.Layers, c.MaxPositions = 1000, 256, 640, 2, 1024
	c.Heads = kernels.Heads{Query: 4, KeyValue: 2, Width: width}
	return c
}

// TestAgreesWithCPU compares logprobs and gradients on the device under test
// with those of the same weights on the CPU.
func TestAgreesWithCPU(t *testing.T) {
	configs := append(tinyConfigs(), wideConfig(Llama, 64), wideConfig(Qwen3, 128))
	for _, cfg := range configs {
		p := newPolicy(t, cfg, 31)
		if p.dev.Info().Compute == kernels.Float32 {
			t.Skip("the device computes as the CPU does")
		}
		shrink(t, p)
		b := PackGroups([]PromptCompletions{
			{Prompt: tokens(1, min(100, cfg.MaxPositions/3), cfg.Vocab), Completions: [][]int32{
				tokens(2, min(150, cfg.MaxPositions/2), cfg.Vocab), tokens(3, 7, cfg.Vocab)}},
			{Prompt: tokens(4, 5, cfg.Vocab), Completions: [][]int32{tokens(5, 20, cfg.Vocab)}},
		})
		coef := make([]float32, len(b.Rows))
		for i := range coef {
			coef[i] = -1 / float32(len(coef))
		}
		got := trainOnce(t, p, b, coef)
		host := cpu.Open(cpu.Config{})
		q, err := New(host, cfg)
		if err != nil {
			t.Fatal(err)
		}
		w, err := p.ReadWeights()
		if err != nil {
			t.Fatal(err)
		}
		q.SetWeights(w)
		want := trainOnce(t, q, b, coef)
		tolerance := tolerances[p.dev.Info().Compute]
		loss := math.Abs(dot(coef, got.logprob) - dot(coef, want.logprob))
		off := 1 - cosine(got.gradient, want.gradient)
		t.Logf("%s, heads of %d: loss off by %.2g, logprob by at most %.2g, cosine 1 − %.2g", cfg.Architecture, cfg.Heads.Width, loss,
			largestError(got.logprob, want.logprob), off)
		if !(loss <= tolerance.loss && off <= tolerance.gradient) {
			t.Errorf("tolerances are %g and %g", tolerance.loss, tolerance.gradient)
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	}
}

// shrink makes the weights as small as initial ones are, so that rounding is
// what it is in practice.
func shrink(t *testing.T, p *Policy) {
	t.Helper()
	w, err := p.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.DecayedParameters() {
		w[i] *= float32(p.cfg.initialDeviation() / 0.3)
	}
	p.SetWeights(w)
}

// trained is what a pass gives.
type trained struct{ logprob, gradient []float32 }

func trainOnce(t *testing.T, p *Policy, b Batch, coef []float32) trained {
	t.Helper()
	ps := newPass(t, p, PassLimits{Tokens: len(b.IDs), Segments: len(b.Segments), Predictions: len(b.Rows), Backward: true})
	g := newGradients(t, p)
	ps.ForwardBackward(b, g, coef)
	logprob, _ := mustRead(t, ps)
	return trained{logprob, readGradients(t, p, g)}
}
