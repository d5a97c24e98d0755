package learner

import (
	"errors"
	"fmt"
	"math"
)

var (
	// ErrGroupTooSmall is returned when a group has fewer than two rewards, so
	// that none can be compared with another.
	ErrGroupTooSmall = errors.New("group has fewer than two rewards")
	// ErrNotFinite is returned when a reward, a behavior logprob or a gradient
	// is NaN or infinite.
	ErrNotFinite = errors.New("number is not finite")
)

// AdvantageOptions choose the credit that GroupAdvantages gives.
type AdvantageOptions struct {
	DivideByDeviation bool // divide by the group's deviation, as GRPO; default false
	LeaveOneOut       bool // compare with the mean of the others, as RLOO; default false
}

// deviationFloor is added to the deviation before dividing by it.
const deviationFloor = 1e-6

// GroupAdvantages sets adv[i] to rewards[i] minus the mean of rewards.
//
//	rewards  (G,)  finite, unitless; G ≥ 2
//	adv      (G,)  overwritten; sums to zero up to rounding
//
// With opt.LeaveOneOut it subtracts the mean of the other G−1 rewards instead
// (RLOO, arXiv:2402.14740 §3), which is the same times G/(G−1). With
// opt.DivideByDeviation it then divides by the standard deviation plus
// 1e-6, as in GRPO (arXiv:2402.03300 §4.1); off by default, since it favors
// groups of nearly equal rewards (arXiv:2503.20783). The deviation is the
// unbiased one, over G−1, as in verl, whose results OctoThinker reports
// (arXiv:2506.20512).
//
// It returns ErrGroupTooSmall when G < 2 and ErrNotFinite on NaN or infinity,
// leaving adv untouched. Equal rewards give zeros, not an error. Sums are taken
// in float64. It panics when the lengths differ.
func GroupAdvantages(adv, rewards []float32, opt AdvantageOptions) error {
	if len(adv) != len(rewards) {
		panic(fmt.Sprintf("learner: %d advantages for %d rewards", len(adv), len(rewards)))
	}
	if len(rewards) < 2 {
		return fmt.Errorf("%w: %d", ErrGroupTooSmall, len(rewards))
	}
	sum := 0.0
	for i, r := range rewards {
		if !isFinite(r) {
			return fmt.Errorf("reward %d is %v: %w", i, r, ErrNotFinite)
		}
		sum += float64(r)
	}
	g := float64(len(rewards))
	mean, squares := sum/g, 0.0
	for _, r := range rewards {
		squares += (float64(r) - mean) * (float64(r) - mean)
	}
	scale := 1.0
	if opt.LeaveOneOut {
		scale = g / (g - 1)
	}
	if opt.DivideByDeviation {
		scale /= math.Sqrt(squares/(g-1)) + deviationFloor
	}
	for i, r := range rewards {
		adv[i] = float32((float64(r) - mean) * scale)
	}
	return nil
}

func isFinite(x float32) bool {
	return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0)
}
