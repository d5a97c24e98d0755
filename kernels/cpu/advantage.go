package cpu

import (
	"math"

	"github.com/octorl/octorl/kernels"
)

// Advantage turns rewards and values into advantages and returns. Sums of a
// completion and over all tokens are in double precision, in order.
func (d *Device) Advantage(a kernels.AdvantageArgs) {
	n, completions := a.Value.Len(), a.Reward.Len()
	starts := ints(a.Starts, "Advantage Starts", completions+1)
	reward := floats(a.Reward, "Advantage Reward", completions)
	value := floats(a.Value, "Advantage Value", n)
	advantage, returns := floats(a.Advantage, "Advantage Advantage", n), floats(a.Return, "Advantage Return", n)
	penalty := func(int) float64 { return 0 }
	if a.KL != 0 {
		behavior, reference := floats(a.Behavior, "Advantage Behavior", n), floats(a.Reference, "Advantage Reference", n)
		penalty = func(p int) float64 { return float64(a.KL) * float64(behavior.f[p]-reference.f[p]) }
	}
	d.do(func() {
		for s, r := range reward.f {
			earned, nextValue, nextAdvantage := float64(r), 0.0, 0.0
			for p := int(starts.i[s+1]) - 1; p >= int(starts.i[s]); p-- {
				v := float64(value.f[p])
				delta := earned - penalty(p) + float64(a.Gamma)*nextValue - v
				nextAdvantage = delta + float64(a.Gamma)*float64(a.Lambda)*nextAdvantage
				advantage.f[p], returns.f[p] = float32(nextAdvantage), float32(nextAdvantage+v)
				earned, nextValue = 0, v
			}
		}
		if a.Whiten {
			whiten(advantage.f)
		}
	}, advantage, returns)
}

// whiten gives x mean 0 and variance 1.
func whiten(x []float32) {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(max(len(x), 1))
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean)
	}
	variance /= float64(max(len(x)-1, 1))
	for i, v := range x {
		x[i] = float32((float64(v) - mean) / math.Sqrt(variance+1e-8))
	}
}
