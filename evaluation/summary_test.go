package evaluation

import (
	"maps"
	"slices"
	"testing"

	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// graded returns completions of the verdicts in letters: r(ight), w(rong),
// u(nparsable), f(ailed); completion i has 10·(i+1) tokens, and unparsable ones
// are truncated.
func graded(letters string) []Completion {
	verdicts := map[rune]reward.Verdict{'r': reward.Right, 'w': reward.Wrong, 'u': reward.Unparsable, 'f': reward.Failed}
	var out []Completion
	for i, l := range letters {
		c := Completion{Verdict: verdicts[l], Tokens: 10 * (i + 1), Finish: trajectory.FinishStop, Text: "4"}
		if l == 'u' {
			c.Finish, c.Text = trajectory.FinishLength, "loop loop loop loop loop loop"
		}
		out = append(out, c)
	}
	return out
}

func item(id string, level int, letters string) Item {
	return Item{Problem: trajectory.Problem{ID: id, Level: level}, Completions: graded(letters)}
}

func TestSummarize(t *testing.T) {
	s := Summarize([]Item{
		item("a", 2, "rw"),  // half
		item("b", 1, "rrf"), // all that were judged
		item("c", 1, "uw"),  // none
		item("d", 0, "ff"),  // says nothing of the policy
	}, 1, 2, 3) // no 3: two items have two judged completions
	if s.Problems != 3 || s.Completions != 9 || s.Failed != 3 {
		t.Errorf("%d problems, %d completions, %d failed; want 3, 9, 3", s.Problems, s.Completions, s.Failed)
	}
	numbers := []struct {
		name      string
		got, want float64
	}{
		{"accuracy", s.Accuracy, 1.5 / 3},
		{"format rate", s.FormatRate, 5.0 / 6},
		{"truncation rate", s.TruncationRate, 1.0 / 9},
		{"repetition rate", s.RepetitionRate, 1.0 / 9},
		{"mean tokens", s.MeanTokensAll, (30 + 60 + 30 + 30) / 9.0},
		{"mean tokens of right ones", s.MeanTokensRight, (10 + 10 + 20) / 3.0},
		{"low end", s.Interval.Low, Wilson(1.5, 3, z95).Low},
	}
	for _, n := range numbers {
		if !near(n.got, n.want, 1e-12) {
			t.Errorf("%s is %v, want %v", n.name, n.got, n.want)
		}
	}
	if want := map[int]float64{1: 1.5 / 3, 2: 2.0 / 3}; !maps.EqualFunc(s.PassAt, want, func(a, b float64) bool { return near(a, b, 1e-12) }) {
		t.Errorf("pass@k is %v, want %v", s.PassAt, want)
	}
	if want := []LevelAccuracy{{1, 2, 0.5}, {2, 1, 0.5}}; !slices.Equal(s.Levels, want) {
		t.Errorf("levels are %v, want %v", s.Levels, want)
	}
}

func TestSummarizeNothing(t *testing.T) {
	s := Summarize([]Item{item("a", 1, "f"), item("b", 1, "")}, 1)
	if s.Accuracy != 0 || s.Interval != (Interval{0, 1}) || s.FormatRate != 0 || len(s.PassAt) != 0 || s.Failed != 1 {
		t.Errorf("summary of no verdict is %+v", s)
	}
}

func TestCompare(t *testing.T) {
	a := []Item{item("a", 1, "r"), item("b", 1, "r"), item("c", 1, "f"), item("d", 1, "r")}
	b := []Item{item("c", 1, "r"), item("b", 1, "r"), item("a", 1, "w"), item("e", 1, "r")}
	c, err := Compare("A", a, "B", b, 1)
	if err != nil {
		t.Fatal(err)
	}
	if c.Problems != 2 || c.AccuracyA != 1 || c.AccuracyB != 0.5 || c.Difference != 0.5 {
		t.Errorf("compared %d problems, %v with %v, difference %v; want 2, 1, 0.5, 0.5", c.Problems, c.AccuracyA, c.AccuracyB, c.Difference)
	}
	if c.Interval != (Interval{0, 1}) { // both, one or none of two pairs differ
		t.Errorf("interval is %v, want [0, 1]", c.Interval)
	}
	if _, err := Compare("A", a[2:3], "B", b, 1); err == nil {
		t.Error("compared a policy that has no verdict")
	}
}
