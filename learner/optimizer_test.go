package learner

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/octorl/octorl/internal/devicetest"
	"github.com/octorl/octorl/policy"
)

// newOptimizer returns an optimizer of a policy whose weights are all 1, and
// gradients for it.
func newOptimizer(t *testing.T, c OptimizerConfig) (*policy.Policy, *Optimizer, *policy.Gradients) {
	t.Helper()
	p := newTiny(t, newDevice(t))
	p.Device().Fill(p.Weights(), 1)
	o, err := NewOptimizer(p, c)
	if err != nil {
		t.Fatal(err)
	}
	g, err := p.NewGradients()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Free)
	t.Cleanup(g.Free)
	return p, o, g
}

// The first step of Adam divides the gradient by its own size: each weight
// moves by the learning rate, against the gradient's sign, and by the decay.
func TestOptimizerFirstStepByHand(t *testing.T) {
	p, o, g := newOptimizer(t, OptimizerConfig{Beta1: 0.9, Beta2: 0.99, Eps: 1e-12, WeightDecay: 0.5})
	p.Device().Fill(g.Arena, -2)
	norm, err := o.Step(g.Arena, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * math.Sqrt(float64(p.NumParameters())); math.Abs(norm-want) > 1e-4 {
		t.Errorf("norm %v, want %v", norm, want)
	}
	for i, w := range readWeights(t, p) {
		want := 1 + 0.1
		if i < p.DecayedParameters() {
			want -= 0.1 * 0.5
		}
		if math.Abs(float64(w)-want) > devicetest.Tolerance(p.Device(), 1e-6, 1.0/256) {
			t.Fatalf("weight %d is %v, want %v", i, w, want)
		}
	}
	if o.Updates() != 1 {
		t.Errorf("%d updates, want 1", o.Updates())
	}
}

// With Beta1 and Beta2 zero and a large Eps a step is plain descent on the
// clipped gradient: lr·g/Eps.
func TestOptimizerClipsTheNorm(t *testing.T) {
	p, o, g := newOptimizer(t, OptimizerConfig{Eps: 1, MaxNorm: 1e-6})
	p.Device().Fill(g.Arena.Slice(0, 1), 3e4)
	p.Device().Fill(g.Arena.Slice(1, 2), -4e4)
	norm, err := o.Step(g.Arena, 1e5)
	if err != nil {
		t.Fatal(err)
	}
	if norm != 5e4 {
		t.Errorf("norm %v, want 50000", norm)
	}
	want := []float64{1 - 0.06, 1 + 0.08, 1}
	for i, w := range readWeights(t, p)[:3] {
		if math.Abs(float64(w)-want[i]) > devicetest.Tolerance(p.Device(), 1e-6, 1.0/256) {
			t.Errorf("weight %d is %v, want %v", i, w, want[i])
		}
	}
}

func TestOptimizerLeavesNotFiniteGradientsOut(t *testing.T) {
	p, o, g := newOptimizer(t, DefaultRLOptimizer())
	step := func() error {
		_, err := o.Step(g.Arena, 0.01)
		return err
	}
	p.Device().Fill(g.Arena, 0.5)
	if err := step(); err != nil {
		t.Fatal(err)
	}
	before := digest(t, p)
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		p.Device().Fill(g.Arena.Slice(7, 8), bad)
		if err := step(); !errors.Is(err, ErrNotFinite) {
			t.Errorf("gradient of %v: error %v, want ErrNotFinite", bad, err)
		}
	}
	if digest(t, p) != before || o.Updates() != 1 {
		t.Errorf("weights changed, or %d updates counted instead of 1", o.Updates())
	}
	p.Device().Fill(g.Arena, 0.5)
	if err := step(); err != nil {
		t.Errorf("a good gradient afterwards: %v", err)
	}
	for i, w := range readWeights(t, p) {
		if !isFinite(w) {
			t.Fatalf("weight %d is %v", i, w)
		}
	}
}

func TestOptimizerConfigReportsEveryFault(t *testing.T) {
	c := OptimizerConfig{Beta1: 1, Beta2: -1, Eps: 0, WeightDecay: math.NaN(), MaxNorm: -1}
	joined, ok := c.Validate().(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 5 {
		t.Errorf("want 5 faults, have: %v", c.Validate())
	}
	for _, c := range []OptimizerConfig{DefaultMidOptimizer(), DefaultRLOptimizer()} {
		if err := c.Validate(); err != nil {
			t.Errorf("default %+v: %v", c, err)
		}
	}
}

// Updates are queued one, two or eight ahead of what is known of them, some of them
// from gradients that are not finite: weights and norms are those of updates made in
// turn.
func TestUpdatesQueuedAheadAreTheSame(t *testing.T) {
	type outcome struct {
		norm float64
		bad  bool
	}
	train := func(ahead int) (outcomes []outcome, weights string, updates int64) {
		p, o, g := newOptimizer(t, DefaultMidOptimizer())
		finish := func() {
			norm, err := o.finish()
			if err != nil && !errors.Is(err, ErrNotFinite) {
				t.Fatal(err)
			}
			outcomes = append(outcomes, outcome{norm, err != nil})
		}
		for i := range 40 {
			p.Device().Fill(g.Arena, float32(math.Sin(float64(i))))
			if i%5 == 2 || i%7 == 3 {
				p.Device().Fill(g.Arena.Slice(i, i+1), float32(math.Inf(1)))
			}
			o.queue(g.Arena, 0.01)
			if ahead == 8 && i%8 == 7 { // all of them, as at the end of a batch
				for range 8 {
					finish()
				}
			} else if ahead < 8 && len(o.queued) > ahead {
				finish()
			}
		}
		for len(o.queued) > 0 {
			finish()
		}
		return outcomes, digest(t, p), o.Updates()
	}
	want, weights, updates := train(0)
	if updates != 27 {
		t.Fatalf("%d updates of 40 were made, want 27", updates)
	}
	for _, ahead := range []int{1, 8} {
		got, other, n := train(ahead)
		if !slices.Equal(got, want) || other != weights || n != updates {
			t.Errorf("%d ahead: %d updates, digest %.12s, outcomes %v; in turn %d, %.12s, %v", ahead, n, other, got, updates, weights, want)
		}
	}
}
