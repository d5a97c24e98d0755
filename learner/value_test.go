package learner

import (
	"math"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// gaeExpectation is generalized advantage estimation of the fixtures.
type gaeExpectation struct {
	Gamma        float64     `json:"gamma"`
	Lambda       float64     `json:"lam"`
	KL           float64     `json:"kl_in_reward_beta"`
	Values       [][]float64 `json:"values"`
	TokenRewards [][]float64 `json:"token_rewards"`
	Advantages   [][]float64 `json:"advantages"`
	Returns      [][]float64 `json:"returns"`
	Whitened     [][]float64 `json:"whitened"`
}

// valueExpectation is the clipped loss of values of the fixtures, for the
// returns of their gaeExpectation.
type valueExpectation struct {
	Clip      float64     `json:"clip"`
	NewValues [][]float64 `json:"new_values"`
	Loss      float64     `json:"loss"`
	DValue    [][]float64 `json:"dvalue"`
}

// onDevice uploads arrays and reads results, and frees them at the end.
type onDevice struct {
	*testing.T
	allocations
}

func newOnDevice(t *testing.T, dev kernels.Device) *onDevice {
	d := &onDevice{t, allocations{dev: dev}}
	t.Cleanup(d.free)
	return d
}

func (d *onDevice) upload(values []float32) kernels.Buffer {
	b := d.floats(len(values))
	d.dev.Upload(b, values)
	return b
}

func (d *onDevice) read(b kernels.Buffer) []float32 {
	d.Helper()
	values := make([]float32, b.Len())
	d.dev.Download(values, b)
	if err := d.dev.Wait(d.dev.Mark()); err != nil {
		d.Fatal(err)
	}
	return values
}

// advantageArgs are those of the fixture's sequences with the given values.
func (f lossFixture) advantageArgs(d *onDevice, values [][]float64) kernels.AdvantageArgs {
	starts := []int32{0}
	for _, n := range f.Lens {
		starts = append(starts, starts[len(starts)-1]+int32(n))
	}
	n := int(starts[len(f.Lens)])
	a := kernels.AdvantageArgs{
		Starts: d.ints(len(starts)), Reward: d.upload(f.Rewards), Value: d.upload(f.tokens(values)),
		Behavior: d.upload(f.tokens(f.OldLogProbs)), Reference: d.upload(f.tokens(f.RefLogProbs)),
		Advantage: d.floats(n), Return: d.floats(n),
	}
	d.dev.Upload(a.Starts, starts)
	return a
}

func TestAdvantagesOfTokensMatchFixtures(t *testing.T) {
	dev := newDevice(t)
	lossFixtures(t, func(t *testing.T, f lossFixture) {
		var want gaeExpectation
		f.decode(t, "gae", &want)
		d := newOnDevice(t, dev)
		compare := func(name string, b kernels.Buffer, of [][]float64) {
			t.Helper()
			if off := distance(d.read(b), f.tokens(of)); off > 2e-6 {
				t.Errorf("%s are off by %v of their norm", name, off)
			}
		}
		a := f.advantageArgs(d, want.Values)
		a.Gamma, a.Lambda, a.KL = float32(want.Gamma), float32(want.Lambda), float32(want.KL)
		dev.Advantage(a)
		compare("advantages", a.Advantage, want.Advantages)
		compare("returns", a.Return, want.Returns)
		a.Whiten = true
		dev.Advantage(a)
		compare("whitened advantages", a.Advantage, want.Whitened)
		compare("returns beside them", a.Return, want.Returns)

		// Without values and a future, the advantage is what a token earns.
		nothing := make([][]float64, len(want.Values))
		for i := range nothing {
			nothing[i] = make([]float64, len(want.Values[i]))
		}
		a = f.advantageArgs(d, nothing)
		a.KL = float32(want.KL)
		dev.Advantage(a)
		compare("rewards", a.Advantage, want.TokenRewards)
	})
}

func TestValueLossMatchesFixtures(t *testing.T) {
	dev := newDevice(t)
	lossFixtures(t, func(t *testing.T, f lossFixture) {
		var gae gaeExpectation
		var want valueExpectation
		f.decode(t, "gae", &gae)
		f.decode(t, "value_loss", &want)
		d := newOnDevice(t, dev)
		n := sum(f.Lens)
		a := kernels.ValueLossArgs{
			Value: d.upload(f.tokens(want.NewValues)), Old: d.upload(f.tokens(gae.Values)), Return: d.upload(f.tokens(gae.Returns)),
			Weight: d.upload(f.weights("token")), Clip: float32(want.Clip),
			Coef: d.floats(n), Stats: d.floats(kernels.NumValueStats),
		}
		dev.ValueLoss(a)
		compareObjective(t, "value_loss", float64(d.read(a.Stats)[kernels.StatValueLoss]), want.Loss, d.read(a.Coef), f.tokens(want.DValue))
	})
}

func TestValueMetricsByHand(t *testing.T) {
	stats := func(loss, clipped, returns, square, off, offSquare float32) [kernels.NumValueStats]float32 {
		return [kernels.NumValueStats]float32{
			kernels.StatValueLoss: loss, kernels.StatValueClipped: clipped, kernels.StatReturn: returns,
			kernels.StatReturnSquare: square, kernels.StatError: off, kernels.StatErrorSquare: offSquare,
		}
	}
	s := newSummary(nil, nil)
	// Returns 1 and −1, values 1 and 0: errors 0 and 1.
	s.appraised(stats(.25, 0, 0, 1, .5, .5))
	s.addValues(valueUpdate{skipped: true, gradNorm: 9, stats: [][kernels.NumValueStats]float32{stats(9, 9, 9, 9, 9, 9)}})
	s.addValues(valueUpdate{gradNorm: 1, stats: [][kernels.NumValueStats]float32{stats(.5, .25, 0, 0, 0, 0), stats(.25, 0, 0, 0, 0, 0)}})
	s.addValues(valueUpdate{gradNorm: 2, stats: [][kernels.NumValueStats]float32{stats(.25, .25, 0, 0, 0, 0)}})
	want := RLMetrics{
		RatioMin: 1, RatioMax: 1,
		ValueMean: .5, ReturnMean: 0, ExplainedVariance: .75, // variances 1/4 of errors, 1 of returns
		CriticUpdates: 2, CriticUpdatesNotFinite: 1, ValueLoss: .5, ValueClipFraction: .25, CriticGradNorm: 1.5,
	}
	if got := s.metrics(); got != want {
		t.Errorf("metrics\n%+v, want\n%+v", got, want)
	}
	s = newSummary(nil, nil)
	s.appraised(stats(0, 0, .3, float32(math.Pow(.3, 2)), 0, 0))
	if s.ExplainedVariance != 0 {
		t.Errorf("explained variance %v of equal returns, want 0", s.ExplainedVariance)
	}
}
