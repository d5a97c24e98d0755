package evaluation

import (
	"fmt"
	"slices"
	"sync"
)

// Votes are the answers of the completions of one problem: all right ones are
// one answer, wrong ones are grouped by equality.
type Votes struct {
	Right int   // completions whose answer is right
	Wrong []int // completions of each different wrong answer; order does not matter
	None  int   // completions without an answer, which do not vote
}

// count returns the number of completions.
func (v Votes) count() int {
	n := v.Right + v.None
	for _, w := range v.Wrong {
		n += w
	}
	return n
}

// maxVotes bounds the completions of a problem: binomials of more overflow.
const maxVotes = 1000

// MajorityAtK returns the probability that the most frequent answer among k
// completions, drawn without repetition from those of v, is the right one:
// maj@k, exactly, as the mean over all subsets of size k. Of m answers that are
// equally frequent each counts 1/m; a draw without any answer is not right. It
// panics unless 1 ≤ k ≤ the number of completions ≤ 1000.
//
// Subsets are counted by r, the right ones among them: the wrong answers that
// have fewer than r completions can neither beat nor tie and count as a pool,
// the others are convolved one by one, with a ledger of ties.
func MajorityAtK(v Votes, k int) float64 {
	n := v.count()
	if k < 1 || k > n || n > maxVotes {
		panic(fmt.Sprintf("evaluation: maj@%d of %d completions", k, n))
	}
	sum := 0.0
	for r := 1; r <= min(v.Right, k); r++ {
		sum += choose(v.Right, r) * v.beaten(r, k-r)
	}
	return min(1, sum/choose(n, k))
}

// beaten returns the number of ways to draw size completions that are not right,
// none of whose answers comes more often than r; each way counts one divided by
// one more than the answers that come exactly r times.
func (v Votes) beaten(r, size int) float64 {
	pool := v.None
	most := size / r // ties that fit
	ways := make([][]float64, most+1)
	for t := range ways {
		ways[t] = make([]float64, size+1)
	}
	ways[0][0] = 1
	for _, w := range v.Wrong {
		if w < r {
			pool += w
			continue
		}
		addAnswer(ways, w, r)
	}
	sum := 0.0
	for t, row := range ways {
		for j, x := range row {
			if x != 0 {
				sum += x * choose(pool, size-j) / float64(1+t)
			}
		}
	}
	return sum
}

// addAnswer convolves ways, by ties and completions drawn, with an answer of w
// completions of which up to r are drawn.
func addAnswer(ways [][]float64, w, r int) {
	for t := len(ways) - 1; t >= 0; t-- {
		row := ways[t]
		for j := len(row) - 1; j >= 0; j-- {
			sum := row[j]
			for x := 1; x < min(r, j+1); x++ {
				sum += row[j-x] * choose(w, x)
			}
			if t > 0 && j >= r {
				sum += ways[t-1][j-r] * choose(w, r)
			}
			row[j] = sum
		}
	}
}

// binomials holds the rows of Pascal's triangle that were asked for.
var binomials = sync.OnceValue(func() [][]float64 {
	rows := make([][]float64, maxVotes+1)
	rows[0] = []float64{1}
	for n := 1; n <= maxVotes; n++ {
		rows[n] = slices.Repeat([]float64{1}, n+1)
		for k := 1; k < n; k++ {
			rows[n][k] = rows[n-1][k-1] + rows[n-1][k]
		}
	}
	return rows
})

// choose returns the number of subsets of size k of n things.
func choose(n, k int) float64 {
	if k < 0 || k > n {
		return 0
	}
	return binomials()[n][k]
}
