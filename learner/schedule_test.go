package learner

import (
	"math"
	"strings"
	"testing"
)

func TestScheduleByHand(t *testing.T) {
	for _, c := range []struct {
		name     string
		schedule Schedule
		numSteps int
		want     []float64 // of steps 1, 2, …
	}{
		{"constant", Schedule{Kind: Constant, Peak: 2}, 3, []float64{2, 2, 2}},
		{"constant with warm-up", Schedule{Kind: Constant, Peak: 2, Warmup: 2}, 4, []float64{1, 2, 2, 2}},
		{"linear", Schedule{Kind: Linear, Peak: 10, Floor: 0.2}, 5, []float64{10, 8, 6, 4, 2}},
		{"linear with warm-up", Schedule{Kind: Linear, Peak: 4, Warmup: 2}, 4, []float64{2, 4, 2, 0}},
		// cos of 0, 60, 120 and 180 degrees: 1, 1/2, −1/2, −1.
		{"cosine", Schedule{Kind: Cosine, Peak: 1, Floor: 0.1}, 4, []float64{1, 0.775, 0.325, 0.1}},
		{"cosine with warm-up", Schedule{Kind: Cosine, Peak: 1, Warmup: 2, Floor: 0.1}, 4, []float64{0.5, 1, 0.55, 0.1}},
		{"one step", Schedule{Kind: Cosine, Peak: 3, Floor: 0.1}, 1, []float64{3}},
		{"warm-up longer than the stage", Schedule{Kind: Cosine, Peak: 3, Warmup: 9}, 3, []float64{1. / 3, 2. / 3, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.schedule.Validate(); err != nil {
				t.Fatal(err)
			}
			for i, want := range c.want {
				if got := c.schedule.LR(i+1, c.numSteps); math.Abs(got-want) > 1e-12 {
					t.Errorf("step %d: learning rate %v, want %v", i+1, got, want)
				}
			}
		})
	}
}

func TestScheduleNeverRisesAfterWarmup(t *testing.T) {
	for _, kind := range []ScheduleKind{Constant, Cosine, Linear} {
		s := Schedule{Kind: kind, Peak: 5e-5, Warmup: 7, Floor: 0.1}
		for step := s.Warmup + 1; step <= 100; step++ {
			if now, before := s.LR(step, 100), s.LR(step-1, 100); now > before || now < 0.1*s.Peak*(1-1e-12) {
				t.Errorf("%s: step %d has %v after %v, peak %v", kind, step, now, before, s.Peak)
			}
		}
	}
}

func TestScheduleReportsEveryFault(t *testing.T) {
	err := Schedule{Kind: "sawtooth", Peak: math.NaN(), Warmup: -1, Floor: 2}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"sawtooth", "peak NaN", "warmup -1", "floor 2"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q: %v", part, err)
		}
	}
	if err := DefaultSchedule(1e-6).Validate(); err != nil {
		t.Errorf("default schedule: %v", err)
	}
}

func TestSchedulePanicsOutsideTheStage(t *testing.T) {
	for _, step := range []int{0, 4} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("step %d of 3 did not panic", step)
				}
			}()
			DefaultSchedule(1).LR(step, 3)
		}()
	}
}
