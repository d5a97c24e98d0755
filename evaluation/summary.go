// Package evaluation turns graded completions of a benchmark into numbers, and
// the numbers of a run into a table and a report.
//
// Completions with their verdicts enter; accuracy with its interval, pass@k,
// format, length and repetition leave, as text and as one HTML page. How the
// completions were drawn and graded it does not know. Read Item, Summary and
// Report first.
package evaluation

import (
	"cmp"
	"math"
	"slices"

	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// Completion is one graded answer to a problem.
type Completion struct {
	Verdict reward.Verdict
	Tokens  int // the end token included
	Finish  trajectory.FinishReason
	Text    string
}

// Item is a problem of a benchmark with its completions: one where decoding was
// greedy, several where they were sampled for pass@k.
type Item struct {
	Problem     trajectory.Problem
	Completions []Completion
}

// judged returns how many completions of the item have a verdict about the
// policy, and how many of them are right. Failed is about the verifier.
func (it Item) judged() (n, right int) {
	for _, c := range it.Completions {
		if c.Verdict != reward.Failed {
			n++
		}
		if c.Verdict == reward.Right {
			right++
		}
	}
	return n, right
}

// LevelAccuracy is the accuracy on the problems of one level.
type LevelAccuracy struct {
	Level, Problems int
	Accuracy        float64
}

// Summary is what a benchmark says of a policy. Shares are in [0, 1] and
// lengths in tokens. Failed verdicts count in Failed only: they enter neither
// accuracy nor pass@k nor the format rate.
type Summary struct {
	Problems    int // with at least one judged completion
	Completions int
	Failed      int // completions whose verification failed

	Accuracy float64         // mean over problems of the share right; greedy accuracy where decoding was greedy
	Interval Interval        // Wilson's, with the problems as trials
	PassAt   map[int]float64 // mean pass@k by k
	Levels   []LevelAccuracy // ascending; problems without a level are left out

	FormatRate     float64 // judged completions that had an answer to grade
	TruncationRate float64 // completions that reached their cap
	RepetitionRate float64 // completions in a loop, see reward.Repetitive

	MeanTokensAll   float64 // of all completions
	MeanTokensRight float64 // of right ones, 0 without any; alone it hides failures
}

// Summarize returns the summary of a benchmark's items, with pass@k for each of
// ks that every judged item has completions for.
func Summarize(items []Item, ks ...int) Summary {
	s := Summary{PassAt: passAt(items, ks)}
	levels := map[int]*LevelAccuracy{}
	right := 0.0
	for _, it := range items {
		n, c := it.judged()
		if n == 0 {
			continue
		}
		share := float64(c) / float64(n)
		right += share
		s.Problems++
		if level := it.Problem.Level; level > 0 {
			if levels[level] == nil {
				levels[level] = &LevelAccuracy{Level: level}
			}
			levels[level].Problems++
			levels[level].Accuracy += share
		}
	}
	s.Accuracy = ratio(right, s.Problems)
	s.Interval = Wilson(right, s.Problems, z95)
	for _, l := range levels {
		l.Accuracy /= float64(l.Problems)
		s.Levels = append(s.Levels, *l)
	}
	slices.SortFunc(s.Levels, func(a, b LevelAccuracy) int { return cmp.Compare(a.Level, b.Level) })
	s.countCompletions(items)
	return s
}

// countCompletions fills what is counted by completion, not by problem.
func (s *Summary) countCompletions(items []Item) {
	var unparsable, truncated, repeating, right, tokens, tokensRight int
	for _, it := range items {
		for _, c := range it.Completions {
			s.Completions++
			tokens += c.Tokens
			switch c.Verdict {
			case reward.Failed:
				s.Failed++
			case reward.Unparsable:
				unparsable++
			case reward.Right:
				right++
				tokensRight += c.Tokens
			}
			if c.Finish == trajectory.FinishLength {
				truncated++
			}
			if reward.Repetitive(c.Text) {
				repeating++
			}
		}
	}
	judged := s.Completions - s.Failed
	s.FormatRate = ratio(float64(judged-unparsable), judged)
	s.TruncationRate = ratio(float64(truncated), s.Completions)
	s.RepetitionRate = ratio(float64(repeating), s.Completions)
	s.MeanTokensAll = ratio(float64(tokens), s.Completions)
	s.MeanTokensRight = ratio(float64(tokensRight), right)
}

// passAt returns the mean of PassAtK over the items for each of ks that every
// judged item has completions for.
func passAt(items []Item, ks []int) map[int]float64 {
	fewest, judged := math.MaxInt, 0
	for _, it := range items {
		if n, _ := it.judged(); n > 0 {
			judged++
			fewest = min(fewest, n)
		}
	}
	means := map[int]float64{}
	for _, k := range ks {
		if judged == 0 || k > fewest {
			continue
		}
		for _, it := range items {
			if n, c := it.judged(); n > 0 {
				means[k] += PassAtK(n, c, k) / float64(judged)
			}
		}
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
