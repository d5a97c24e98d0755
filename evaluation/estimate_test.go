package evaluation

import (
	"math"
	"math/big"
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

// TestPassAtKEqualsBinomials compares with 1 − C(n−c, k)/C(n, k) in whole numbers
// (arXiv:2107.03374 §2.1), up to k = 256.
func TestPassAtKEqualsBinomials(t *testing.T) {
	for _, n := range []int64{256, 300, 512} {
		for _, c := range []int64{0, 1, 2, 17, 128, n - 256, n - 255, n - 1, n} {
			for k := int64(1); k <= 256; k *= 2 {
				none := new(big.Rat).SetFrac(new(big.Int).Binomial(n-c, k), new(big.Int).Binomial(n, k))
				want, _ := new(big.Rat).Sub(big.NewRat(1, 1), none).Float64()
				if got := PassAtK(int(n), int(c), int(k)); !near(got, want, 1e-12) {
					t.Errorf("PassAtK(%d, %d, %d) = %v, want %v", n, c, k, got, want)
				}
			}
		}
	}
}

// TestWilsonEqualsSciPy compares with SciPy 1.17.1:
// binomtest(k, n).proportion_ci(confidence_level=0.95, method="wilson"), which is
// (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n) with z the 0.975 quantile.
func TestWilsonEqualsSciPy(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{
		{0, 256, 0, 0.01478385642587143},
		{181, 256, 0.6485479046466456, 0.759393154802017},
		{256, 256, 0.9852161435741286, 1},
		{11, 30, 0.21873920806100708, 0.5448643634520511},
		{1, 1319, 0.00013384465011300785, 0.004281997310193977},
		{660, 1319, 0.4734338500188496, 0.5273220984686521},
		{499, 500, 0.9887592932948532, 0.9996468636054407},
		{3, 40, 0.025836025774588198, 0.19864233524310543},
	} {
		if got := Wilson(float64(c.k), c.n, z95); !near(got.Low, c.low, 1e-12) || !near(got.High, c.high, 1e-12) {
			t.Errorf("%d of %d: %v, want [%v, %v]", c.k, c.n, got, c.low, c.high)
		}
	}
}

// TestPairedBootstrapEqualsSciPy compares with SciPy 1.17.1 and 200,000 resamples:
// bootstrap((a − b,), mean, confidence_level=0.95, method="percentile"). The ends of
// 2,000 resamples have a deviation of about √(0.025·0.975/2000)/f, with f the normal
// density there, 0.058 over the deviation of the mean: 0.06 of that deviation.
func TestPairedBootstrapEqualsSciPy(t *testing.T) {
	shares, answers := [2][]float64{make([]float64, 200), make([]float64, 200)}, [2][]float64{make([]float64, 100), make([]float64, 100)}
	for i := range 200 {
		shares[0][i], shares[1][i] = float64((7*i*i+3*i)%17)/16, float64((5*i*i+11*i+4)%17)/16
	}
	for i := range 100 {
		answers[0][i], answers[1][i] = count(i*37%100 < 62), count((i*53+7)%100 < 50)
	}
	for _, c := range []struct {
		name                       string
		pairs                      [2][]float64
		mean, low, high, deviation float64
	}{
		{"shares", shares, -0.06, -0.13, 0.010625, 0.036},
		{"answers", answers, 0.12, -0.01, 0.25, 0.067},
	} {
		mean, got := PairedBootstrap(c.pairs[0], c.pairs[1], 1)
		slack := 4 * 0.06 * c.deviation
		if !near(mean, c.mean, 1e-12) || !near(got.Low, c.low, slack) || !near(got.High, c.high, slack) {
			t.Errorf("%s: %v in %v, want %v in [%v, %v] ± %.3f", c.name, mean, got, c.mean, c.low, c.high, slack)
		}
	}
}
