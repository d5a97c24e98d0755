// Package evaluation turns graded completions of a benchmark into numbers, and
// the numbers into tables, reports and pages.
//
// Completions with their verdicts enter; accuracy with its interval, pass@k,
// maj@k, format, length and repetition leave, as text, as JSON and as HTML. How
// the completions were drawn and graded it does not know. Read Item, Summary and
// Result first.
package evaluation

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// LevelAccuracy is the accuracy on the problems of one level.
type LevelAccuracy struct {
	Level, Problems int
	Accuracy        float64
}

// SubjectAccuracy is the accuracy on the problems of one subject.
type SubjectAccuracy struct {
	Subject  string
	Problems int
	Accuracy float64
}

// Summary is what a benchmark says of a policy. Shares are in [0, 1] and
// lengths in tokens. Failed verdicts count in Failed only: they enter neither
// accuracy nor pass@k nor the format rate.
type Summary struct {
	Problems    int // with at least one judged completion
	Completions int
	Failed      int // completions whose verification failed

	Accuracy float64           // mean over problems of the share right: avg@n, or greedy accuracy where decoding was greedy
	Interval Interval          // Wilson's, with the problems as trials
	PassAt   map[int]float64   // mean pass@k by k
	MajAt    map[int]float64   `json:",omitempty"` // mean maj@k by k
	Levels   []LevelAccuracy   // ascending; problems without a level are left out
	Subjects []SubjectAccuracy `json:",omitempty"` // by name; problems without one are left out

	Mixed float64 // problems with both right and not right completions, which GRPO can learn from

	FormatRate     float64 // judged completions that had an answer to grade
	TruncationRate float64 // completions that reached their cap
	RepetitionRate float64 // completions in a loop, see reward.Repetitive

	MeanTokensAll   float64 // of all completions
	MeanTokensRight float64 // of right ones, 0 without any; alone it hides failures
	MeanTokensWrong float64 // of those judged and not right, 0 without any
}

// Summarize returns the summary of a benchmark's items, with pass@k and maj@k
// for each of ks that every judged item has completions for.
func Summarize(items []Item, ks ...int) Summary {
	fewest := fewestJudged(items)
	s := Summary{PassAt: passAt(items, ks, fewest), MajAt: majAt(items, ks, fewest)}
	levels, subjects := map[int]*tally{}, map[string]*tally{}
	var all, mixed tally
	for _, it := range items {
		n, c := it.judged()
		if n == 0 {
			continue
		}
		share := float64(c) / float64(n)
		all.add(share)
		mixed.add(count(c > 0 && c < n))
		if level := it.Problem.Level; level > 0 {
			tallyOf(levels, level).add(share)
		}
		if it.Subject != "" {
			tallyOf(subjects, it.Subject).add(share)
		}
	}
	s.Problems, s.Accuracy, s.Mixed = all.n, all.mean(), mixed.mean()
	s.Interval = Wilson(all.sum, all.n, z95)
	for _, level := range slices.Sorted(maps.Keys(levels)) {
		s.Levels = append(s.Levels, LevelAccuracy{level, levels[level].n, levels[level].mean()})
	}
	for _, subject := range slices.Sorted(maps.Keys(subjects)) {
		s.Subjects = append(s.Subjects, SubjectAccuracy{subject, subjects[subject].n, subjects[subject].mean()})
	}
	s.countCompletions(items)
	return s
}

// tally is a running mean.
type tally struct {
	n   int
	sum float64
}

func (t *tally) add(x float64) { t.n, t.sum = t.n+1, t.sum+x }
func (t tally) mean() float64  { return ratio(t.sum, t.n) }
func count(happened bool) float64 {
	if happened {
		return 1
	}
	return 0
}

func tallyOf[K cmp.Ordered](tallies map[K]*tally, key K) *tally {
	if tallies[key] == nil {
		tallies[key] = &tally{}
	}
	return tallies[key]
}

// countCompletions fills what is counted by completion, not by problem.
func (s *Summary) countCompletions(items []Item) {
	var unparsable, judged, truncated, repeating, all, right, wrong tally
	for _, it := range items {
		for _, c := range it.Completions {
			all.add(float64(c.Tokens))
			truncated.add(count(c.Finish == trajectory.FinishLength))
			repeating.add(count(reward.Repetitive(c.Text)))
			switch c.Verdict {
			case reward.Failed:
				s.Failed++
				continue
			case reward.Right:
				right.add(float64(c.Tokens))
			default:
				wrong.add(float64(c.Tokens))
			}
			judged.add(1)
			unparsable.add(count(c.Verdict == reward.Unparsable))
		}
	}
	s.Completions = all.n
	s.FormatRate = ratio(judged.sum-unparsable.sum, judged.n)
	s.TruncationRate, s.RepetitionRate = truncated.mean(), repeating.mean()
	s.MeanTokensAll, s.MeanTokensRight, s.MeanTokensWrong = all.mean(), right.mean(), wrong.mean()
}

// fewestJudged returns the smallest number of judged completions of the items
// that have any, or 0.
func fewestJudged(items []Item) int {
	fewest := math.MaxInt
	for _, it := range items {
		if n, _ := it.judged(); n > 0 {
			fewest = min(fewest, n)
		}
	}
	if fewest == math.MaxInt {
		return 0
	}
	return fewest
}

// passAt returns the mean of PassAtK over the judged items for each of ks up to
// fewest.
func passAt(items []Item, ks []int, fewest int) map[int]float64 {
	return meanAt(items, ks, fewest, func(it Item, k int) float64 {
		n, c := it.judged()
		return PassAtK(n, c, k)
	})
}

// majAt does so with MajorityAtK.
func majAt(items []Item, ks []int, fewest int) map[int]float64 {
	if fewest > maxVotes {
		return nil
	}
	votes := map[string]Votes{}
	return meanAt(items, ks, fewest, func(it Item, k int) float64 {
		v, known := votes[it.Problem.ID]
		if !known {
			v = it.votes()
			votes[it.Problem.ID] = v
		}
		return MajorityAtK(v, k)
	})
}

func meanAt(items []Item, ks []int, fewest int, estimate func(it Item, k int) float64) map[int]float64 {
	means := map[int]float64{}
	for _, k := range ks {
		if k < 1 || k > fewest {
			continue
		}
		var t tally
		for _, it := range items {
			if n, _ := it.judged(); n > 0 {
				t.add(estimate(it, k))
			}
		}
		means[k] = t.mean()
	}
	return means
}

// ratio returns sum/n, or 0 for n = 0.
func ratio(sum float64, n int) float64 {
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}
