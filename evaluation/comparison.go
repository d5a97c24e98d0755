package evaluation

import (
	"fmt"
	"slices"
	"strings"
)

// Comparison is the difference in accuracy between two policies on the same
// problems.
type Comparison struct {
	A, B                 string // what is compared, e.g. "RL from mid-trained"
	On                   string // benchmark, or empty
	Problems             int    // judged under both
	AccuracyA, AccuracyB float64
	Difference           float64  // A − B
	Interval             Interval // of the difference, from PairedBootstrap
}

// Compare pairs the items of two policies by Problem.ID and returns the
// difference in accuracy over the problems that were judged under both. It
// returns an error where there is none.
func Compare(nameA string, a []Item, nameB string, b []Item, seed uint64) (Comparison, error) {
	shares := map[string]float64{}
	for _, it := range b {
		if n, right := it.judged(); n > 0 {
			shares[it.Problem.ID] = float64(right) / float64(n)
		}
	}
	c := Comparison{A: nameA, B: nameB}
	// In one order, whichever was finished first, so that the resampling repeats.
	a = slices.SortedFunc(slices.Values(a), func(x, y Item) int { return strings.Compare(x.Problem.ID, y.Problem.ID) })
	var scoresA, scoresB []float64
	for _, it := range a {
		n, right := it.judged()
		share, both := shares[it.Problem.ID]
		if n == 0 || !both {
			continue
		}
		scoresA = append(scoresA, float64(right)/float64(n))
		scoresB = append(scoresB, share)
		c.AccuracyA += scoresA[len(scoresA)-1]
		c.AccuracyB += share
	}
	c.Problems = len(scoresA)
	if c.Problems == 0 {
		return c, fmt.Errorf("compare %s (%d problems) with %s (%d): no problem was judged under both; evaluate them on the same benchmark",
			nameA, len(a), nameB, len(b))
	}
	c.AccuracyA /= float64(c.Problems)
	c.AccuracyB /= float64(c.Problems)
	c.Difference, c.Interval = PairedBootstrap(scoresA, scoresB, seed)
	return c, nil
}

// String returns the comparison as a sentence.
func (c Comparison) String() string {
	problems := "held-out problems"
	if c.On != "" {
		problems = "problems of " + c.On
	}
	return fmt.Sprintf("%s solves %s of %d %s, %s %s: a difference of %s points (95%% interval %s to %s).",
		c.A, percent(c.AccuracyA), c.Problems, problems, c.B, percent(c.AccuracyB),
		points(c.Difference), points(c.Interval.Low), points(c.Interval.High))
}

// points formats a difference of shares in percentage points, with its sign.
func points(difference float64) string { return fmt.Sprintf("%+.1f", 100*difference) }
