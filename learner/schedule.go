package learner

import (
	"errors"
	"fmt"
	"math"
)

// ScheduleKind names the shape of a learning rate over a stage.
type ScheduleKind string

const (
	// Constant keeps the peak: the stable stage of mid-training, and RL.
	Constant ScheduleKind = "constant"
	// Cosine falls along half a cosine to the floor: the decay stage.
	Cosine ScheduleKind = "cosine"
	// Linear falls along a line to the floor.
	Linear ScheduleKind = "linear"
)

// Schedule is a learning rate over the steps of one stage, as
// warmup-stable-decay training composes it (arXiv:2404.06395 §4): a stage is
// either constant or one decay, each with an optional warm-up.
type Schedule struct {
	Kind   ScheduleKind // default Constant
	Peak   float64      // learning rate after the warm-up
	Warmup int          // steps of linear warm-up; default 0
	Floor  float64      // rate at the last step as a share of Peak; default 0.1; unused by Constant
}

// DefaultSchedule returns a schedule that stays at peak and, when its kind is
// changed to a decaying one, falls to a tenth of it.
func DefaultSchedule(peak float64) Schedule {
	return Schedule{Kind: Constant, Peak: peak, Floor: 0.1}
}

// Validate reports every fault of s, joined.
func (s Schedule) Validate() error {
	var faults []error
	switch s.Kind {
	case Constant, Cosine, Linear:
	default:
		faults = append(faults, fmt.Errorf("schedule kind %q: use constant, cosine or linear", s.Kind))
	}
	if !(s.Peak > 0) || math.IsInf(s.Peak, 0) {
		faults = append(faults, fmt.Errorf("schedule peak %v: use a positive learning rate", s.Peak))
	}
	if s.Warmup < 0 {
		faults = append(faults, fmt.Errorf("schedule warmup %d: use 0 or more steps", s.Warmup))
	}
	if !(s.Floor >= 0 && s.Floor <= 1) {
		faults = append(faults, fmt.Errorf("schedule floor %v: use a share of the peak from 0 to 1", s.Floor))
	}
	return errors.Join(faults...)
}

// LR returns the learning rate of step, from 1 to numSteps. The warm-up rises
// from Peak/Warmup at step 1 to Peak at step Warmup. A decay starts from Peak
// there (at step 1 without a warm-up) and reaches Floor·Peak at the last step.
// It panics when step is outside [1, numSteps].
func (s Schedule) LR(step, numSteps int) float64 {
	if step < 1 || step > numSteps {
		panic(fmt.Sprintf("learner: learning rate of step %d of %d", step, numSteps))
	}
	if step < s.Warmup {
		return s.Peak * float64(step) / float64(s.Warmup)
	}
	top := max(s.Warmup, 1)
	if s.Kind == Constant || step == top {
		return s.Peak
	}
	done := float64(step-top) / float64(numSteps-top)
	left := 1 - done
	if s.Kind == Cosine {
		left = (1 + math.Cos(math.Pi*done)) / 2
	}
	return s.Peak * (s.Floor + (1-s.Floor)*left)
}
