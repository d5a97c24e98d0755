package learner

import (
	"math"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// objectiveExpectation is a clipped loss of the fixtures.
type objectiveExpectation struct {
	Advantage string      `json:"advantage"`
	ClipLow   float64     `json:"clip_low"`
	ClipHigh  float64     `json:"clip_high"`
	Aggregate string      `json:"aggregate"`
	Dual      float64     `json:"dual"`
	Loss      float64     `json:"loss"`
	Value     float64     `json:"value"` // of a kl_* expectation
	DLogProb  [][]float64 `json:"dlogprob"`
}

// tokens returns the valid tokens of one value a token, packed.
func (f lossFixture) tokens(values [][]float64) []float32 {
	var packed []float32
	for i, n := range f.Lens {
		for _, v := range values[i][:n] {
			packed = append(packed, float32(v))
		}
	}
	return packed
}

// spread repeats the value of each sequence for each of its tokens.
func (f lossFixture) spread(value func(sequence, length int) float32) []float32 {
	var packed []float32
	for i, n := range f.Lens {
		for range n {
			packed = append(packed, value(i, n))
		}
	}
	return packed
}

// weights returns the token weights of an aggregation. "const" divides by the
// longest possible length, which the trainer does not offer.
func (f lossFixture) weights(aggregate string) []float32 {
	c := RLConfig{LossNormalization: TokenMean}
	if aggregate == "seq" {
		c.LossNormalization = SequenceMean
	}
	return f.spread(func(_, length int) float32 {
		if aggregate == "const" {
			return float32(1 / float64(len(f.Lens)*len(f.OldLogProbs[0])))
		}
		return c.tokenWeight(length, sum(f.Lens), len(f.Lens))
	})
}

// policyGradient runs the device's objective and returns its loss and the
// derivative by each logprob.
func policyGradient(t *testing.T, dev kernels.Device, args kernels.PolicyGradientArgs, logprob, behavior, reference, advantage, weight []float32) (loss float64, coef []float32) {
	t.Helper()
	memory := allocations{dev: dev}
	defer memory.free()
	upload := func(values []float32) kernels.Buffer {
		if values == nil {
			return nil
		}
		b := memory.floats(len(values))
		dev.Upload(b, values)
		return b
	}
	args.LogProb, args.Behavior, args.Reference = upload(logprob), upload(behavior), upload(reference)
	args.Advantage, args.Weight = upload(advantage), upload(weight)
	args.Coef, args.Stats = memory.floats(len(logprob)), memory.floats(kernels.NumPolicyStats)
	dev.PolicyGradient(args)
	coef = make([]float32, len(logprob))
	stats := make([]float32, kernels.NumPolicyStats)
	dev.Download(coef, args.Coef)
	dev.Download(stats, args.Stats)
	if err := dev.Wait(dev.Mark()); err != nil {
		t.Fatal(err)
	}
	return float64(stats[kernels.StatLoss]), coef
}

func TestClippedLossesMatchFixtures(t *testing.T) {
	dev := newDevice(t)
	lossFixtures(t, func(t *testing.T, f lossFixture) {
		for _, name := range []string{"ppo_token", "grpo_seq", "dapo", "dr_grpo", "rloo", "dual_clip"} {
			var want objectiveExpectation
			f.decode(t, name, &want)
			adv := f.advantages(t, advantageKinds[want.Advantage])
			args := kernels.PolicyGradientArgs{
				ClipLow: float32(want.ClipLow), ClipHigh: float32(want.ClipHigh), DualClip: float32(want.Dual),
			}
			loss, coef := policyGradient(t, dev, args, f.tokens(f.NewLogProbs), f.tokens(f.OldLogProbs), nil,
				f.spread(func(i, _ int) float32 { return adv[i] }), f.weights(want.Aggregate))
			compareObjective(t, name, loss, want.Loss, coef, f.tokens(want.DLogProb))
		}
	})
}

func TestKLPenaltyMatchesFixtures(t *testing.T) {
	dev := newDevice(t)
	lossFixtures(t, func(t *testing.T, f lossFixture) {
		var want objectiveExpectation
		f.decode(t, "kl_k3", &want)
		nothing := make([]float32, sum(f.Lens))
		logprob := f.tokens(f.NewLogProbs)
		loss, coef := policyGradient(t, dev, kernels.PolicyGradientArgs{ClipLow: 0.2, ClipHigh: 0.2, KL: 1},
			logprob, logprob, f.tokens(f.RefLogProbs), nothing, f.weights("token"))
		compareObjective(t, "kl_k3", loss, want.Value, coef, f.tokens(want.DLogProb))
	})
}

// compareObjective allows what float32 inputs cost: errors of a few times 2⁻²⁴
// in logprobs of size 1, and so in ratios.
func compareObjective(t *testing.T, name string, loss, wantLoss float64, coef, want []float32) {
	t.Helper()
	if math.Abs(loss-wantLoss) > 2e-6 {
		t.Errorf("%s: loss %v, want %v", name, loss, wantLoss)
	}
	if d := distance(coef, want); d > 2e-6 {
		t.Errorf("%s: derivatives are off by %v of their norm", name, d)
	}
}
