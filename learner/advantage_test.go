package learner

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestGroupAdvantagesByHand(t *testing.T) {
	for _, c := range []struct {
		name          string
		rewards, want []float32
		opt           AdvantageOptions
	}{
		{"centered", []float32{1, -1, -1, -1}, []float32{1.5, -.5, -.5, -.5}, AdvantageOptions{}},
		{"leave one out", []float32{1, -1, -1, -1}, []float32{2, -2. / 3, -2. / 3, -2. / 3}, AdvantageOptions{LeaveOneOut: true}},
		// Squares 9/4+3/4 = 3 over G−1 = 3: the unbiased deviation is 1.
		{"by deviation", []float32{1, -1, -1, -1}, []float32{1.5, -.5, -.5, -.5}, AdvantageOptions{DivideByDeviation: true}},
		{"by deviation of 2", []float32{2, -2, -2, -2}, []float32{1.5, -.5, -.5, -.5}, AdvantageOptions{DivideByDeviation: true}},
		{"equal rewards", []float32{.1, .1, .1}, []float32{0, 0, 0}, AdvantageOptions{DivideByDeviation: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make([]float32, len(c.rewards))
			if err := GroupAdvantages(got, c.rewards, c.opt); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if math.Abs(float64(got[i]-c.want[i])) > 2e-6 {
					t.Fatalf("advantages %v, want %v", got, c.want)
				}
			}
		})
	}
}

func TestGroupAdvantagesMatchFixtures(t *testing.T) {
	lossFixtures(t, func(t *testing.T, f lossFixture) {
		var want map[string][]float64
		f.decode(t, "advantages", &want)
		for name, values := range want {
			opt, known := advantageKinds[name]
			if !known {
				t.Errorf("advantage %s is not known here", name)
				continue
			}
			for i, got := range f.advantages(t, opt) {
				if math.Abs(float64(got)-values[i]) > 1e-6 {
					t.Errorf("%s: advantage %d is %v, want %v", name, i, got, values[i])
				}
			}
		}
	})
}

func TestGroupAdvantagesSumToZero(t *testing.T) {
	const seed = 7
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		rewards := make([]float32, 2+r.IntN(30))
		for i := range rewards {
			rewards[i] = float32(r.NormFloat64())
		}
		opt := AdvantageOptions{DivideByDeviation: r.IntN(2) == 0, LeaveOneOut: r.IntN(2) == 0}
		adv := make([]float32, len(rewards))
		if err := GroupAdvantages(adv, rewards, opt); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, a := range adv {
			sum += float64(a)
		}
		if math.Abs(sum) > 1e-5 {
			t.Errorf("%+v: advantages of %v sum to %v", opt, rewards, sum)
		}
	}
}

func TestGroupAdvantagesRefuse(t *testing.T) {
	for _, c := range []struct {
		rewards []float32
		want    error
	}{
		{nil, ErrGroupTooSmall},
		{[]float32{1}, ErrGroupTooSmall},
		{[]float32{1, float32(math.NaN())}, ErrNotFinite},
		{[]float32{float32(math.Inf(-1)), 1}, ErrNotFinite},
	} {
		adv := slices.Repeat([]float32{5}, len(c.rewards))
		if err := GroupAdvantages(adv, c.rewards, AdvantageOptions{}); !errors.Is(err, c.want) {
			t.Errorf("rewards %v: error %v, want %v", c.rewards, err, c.want)
		}
		if slices.ContainsFunc(adv, func(a float32) bool { return a != 5 }) {
			t.Errorf("rewards %v: advantages were touched: %v", c.rewards, adv)
		}
	}
}
