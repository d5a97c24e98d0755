package evaluation

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// enumerate returns maj@k by its definition: over every subset of size k of the
// completions, whose answers are 0 for right, −1 for none, else the wrong one.
func enumerate(answers []int, k int) float64 {
	sum, subsets := 0.0, 0
	for set := uint(0); set < 1<<len(answers); set++ {
		if bits.OnesCount(set) != k {
			continue
		}
		subsets++
		votes := map[int]int{}
		for i, a := range answers {
			if set>>i&1 == 1 && a >= 0 {
				votes[a]++
			}
		}
		ties := 0
		for _, n := range votes {
			if n > votes[0] {
				ties = 0
				break
			}
			if n == votes[0] {
				ties++ // the right answer itself included
			}
		}
		if votes[0] > 0 && ties > 0 {
			sum += 1 / float64(ties)
		}
	}
	return sum / float64(subsets)
}

// votesOf counts answers as enumerate has them.
func votesOf(answers []int) Votes {
	var v Votes
	wrong := map[int]int{}
	for _, a := range answers {
		switch {
		case a == 0:
			v.Right++
		case a < 0:
			v.None++
		default:
			wrong[a]++
		}
	}
	for _, n := range wrong {
		v.Wrong = append(v.Wrong, n)
	}
	return v
}

func TestMajorityAtKEqualsEnumeration(t *testing.T) {
	const seed = 11
	random := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		answers := make([]int, 1+random.IntN(11))
		for i := range answers {
			answers[i] = random.IntN(6) - 1
		}
		for k := 1; k <= len(answers); k++ {
			got, want := MajorityAtK(votesOf(answers), k), enumerate(answers, k)
			if math.Abs(got-want) > 1e-12 {
				t.Fatalf("seed %d, answers %v: maj@%d is %v, %v by enumeration", seed, answers, k, got, want)
			}
		}
	}
}

func TestMajorityAtKByHand(t *testing.T) {
	for _, c := range []struct {
		name string
		v    Votes
		k    int
		want float64
	}{
		{"one of two right, a draw of one", Votes{Right: 1, Wrong: []int{1}}, 1, 0.5},
		{"a tie counts half", Votes{Right: 1, Wrong: []int{1}}, 2, 0.5},
		{"a tie of three counts a third", Votes{Right: 1, Wrong: []int{1, 1}}, 3, 1.0 / 3},
		{"no answer does not vote", Votes{Right: 1, None: 3}, 4, 1},
		{"nobody votes", Votes{None: 2}, 2, 0},
		{"outvoted", Votes{Right: 2, Wrong: []int{3}}, 5, 0},
		{"all subsets of two of three", Votes{Right: 2, Wrong: []int{1}}, 2, (1 + 0.5 + 0.5) / 3},
	} {
		if got := MajorityAtK(c.v, c.k); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestMajorityAtKOfManyIsFinite(t *testing.T) {
	v := Votes{Right: 400, Wrong: []int{300, 100, 50, 50}, None: 100}
	got := MajorityAtK(v, 500)
	if !(got > 0.99 && got <= 1) {
		t.Errorf("maj@500 of 400 right against 300: %v", got)
	}
}
