package evaluation

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

// Every subset of k of n completions, the first c of which are right.
func TestPassAtKEqualsEnumeration(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for c := 0; c <= n; c++ {
			for k := 1; k <= n; k++ {
				passed, all := 0, 0
				for set := range 1 << n {
					if bits.OnesCount(uint(set)) != k {
						continue
					}
					all++
					if set&(1<<c-1) != 0 {
						passed++
					}
				}
				want := float64(passed) / float64(all)
				if got := PassAtK(n, c, k); !near(got, want, 1e-12) {
					t.Errorf("PassAtK(%d, %d, %d) = %v, want %d/%d", n, c, k, got, passed, all)
				}
			}
		}
	}
}

func TestWilson(t *testing.T) {
	tests := []struct {
		successes float64
		n         int
		z         float64
		want      Interval
	}{
		{0, 0, 2, Interval{0, 1}},
		{1, 2, 2, Interval{(1.5 - math.Sqrt(1.5)) / 3, (1.5 + math.Sqrt(1.5)) / 3}}, // (1/2+1 ± 2·√(1/8+1/4))/3
		{0, 4, 2, Interval{0, 0.5}},    // (0+1/2 ± 2·√(1/16))/2
		{4, 4, 2, Interval{0.5, 1}},    // its mirror image
		{50, 100, 0, Interval{.5, .5}}, // no width at 0 deviations
	}
	for _, test := range tests {
		got := Wilson(test.successes, test.n, test.z)
		if !near(got.Low, test.want.Low, 1e-12) || !near(got.High, test.want.High, 1e-12) {
			t.Errorf("Wilson(%v, %d, %v) = %v, want %v", test.successes, test.n, test.z, got, test.want)
		}
	}
}

func TestPairedBootstrap(t *testing.T) {
	ones, zeros := []float64{1, 1, 1}, []float64{0, 0, 0}
	if mean, i := PairedBootstrap(ones, zeros, 1); mean != 1 || i != (Interval{1, 1}) {
		t.Errorf("constant difference: %v in %v, want 1 in [1, 1]", mean, i)
	}

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	a, b := make([]float64, 400), make([]float64, 400)
	sum, squares := 0.0, 0.0
	for i := range a {
		a[i], b[i] = random.Float64()+0.2, random.Float64()
		sum += a[i] - b[i]
		squares += (a[i] - b[i]) * (a[i] - b[i])
	}
	mean, interval := PairedBootstrap(a, b, seed)
	if !near(mean, sum/400, 1e-9) {
		t.Errorf("mean %v, want %v", mean, sum/400)
	}
	// For many pairs the interval is the normal one, mean ± 1.96·s/√n.
	half := z95 * math.Sqrt((squares/400-mean*mean)/400)
	if !near(interval.Low, mean-half, half/4) || !near(interval.High, mean+half, half/4) {
		t.Errorf("interval %v, want about %v ± %v", interval, mean, half)
	}
	if _, again := PairedBootstrap(a, b, seed); again != interval {
		t.Errorf("the same seed gave %v and %v", interval, again)
	}
}
