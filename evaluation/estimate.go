package evaluation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a range that covers what is estimated with 95 % confidence,
// unless its maker says otherwise.
type Interval struct {
	Low, High float64
}

// z95 is the number of standard deviations of a two-sided 95 % interval.
const z95 = 1.959963984540054

// PassAtK returns the probability that at least one of k completions, drawn
// without repetition from n of which c are right, is right: the unbiased
// estimate of pass@k (arXiv:2107.03374 §2.1), as a product so that no binomial
// overflows. It panics unless 0 ≤ c ≤ n and 1 ≤ k ≤ n.
func PassAtK(n, c, k int) float64 {
	if c < 0 || c > n || k < 1 || k > n {
		panic(fmt.Sprintf("evaluation: pass@%d of %d completions, %d right", k, n, c))
	}
	if n-c < k {
		return 1
	}
	none := 1.0
	for i := n - c + 1; i <= n; i++ {
		none *= 1 - float64(k)/float64(i)
	}
	return 1 - none
}

// Wilson returns the score interval of a proportion at z standard deviations
// (Wilson, "Probable inference, the law of succession, and statistical
// inference", JASA 1927). Successes may be fractional, as they are when each of
// the n trials is a mean. Without trials the interval is [0, 1].
func Wilson(successes float64, n int, z float64) Interval {
	if n == 0 {
		return Interval{0, 1}
	}
	trials := float64(n)
	p := successes / trials
	center := p + z*z/(2*trials)
	half := z * math.Sqrt(p*(1-p)/trials+z*z/(4*trials*trials))
	scale := 1 + z*z/trials
	return Interval{max(0, (center-half)/scale), min(1, (center+half)/scale)}
}

// resamples is enough for the ends of a 95 % interval to two digits.
const resamples = 2000

// PairedBootstrap returns the mean of a[i] − b[i] and its 95 % percentile
// interval over resampled pairs (Efron, "Bootstrap methods", Ann. Statist.
// 1979): scores of the same problems under two policies. Equal seeds give equal
// intervals. It panics when the lengths differ or are 0.
func PairedBootstrap(a, b []float64, seed uint64) (mean float64, interval Interval) {
	if len(a) != len(b) || len(a) == 0 {
		panic(fmt.Sprintf("evaluation: bootstrap of %d scores paired with %d", len(a), len(b)))
	}
	differences := make([]float64, len(a))
	for i := range a {
		differences[i] = a[i] - b[i]
		mean += differences[i] / float64(len(a))
	}
	random := rand.New(rand.NewPCG(seed, 0))
	means := make([]float64, resamples)
	for r := range means {
		sum := 0.0
		for range differences {
			sum += differences[random.IntN(len(differences))]
		}
		means[r] = sum / float64(len(differences))
	}
	slices.Sort(means)
	tail := resamples / 40
	return mean, Interval{means[tail], means[resamples-1-tail]}
}
