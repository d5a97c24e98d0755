package evaluation

import (
	"strings"

	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// Completion is one graded answer to a problem.
type Completion struct {
	Verdict reward.Verdict
	Tokens  int // the end token included
	Finish  trajectory.FinishReason
	Text    string
	// Answer is what the verifier compared: the canonical form where it has one,
	// else the answer as written. Equal wrong answers vote together.
	Answer string `json:",omitempty"`
	Reason string `json:",omitempty"` // why the verdict is not Right, for people
}

// Item is a problem of a benchmark with its completions: one where decoding was
// greedy, several where they were sampled for pass@k.
type Item struct {
	Problem     trajectory.Problem
	Subject     string `json:",omitempty"` // as the benchmark names it
	Prompt      string `json:",omitempty"` // what was asked, without demonstrations
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

// votes groups the judged completions by their answers.
func (it Item) votes() Votes {
	var v Votes
	wrong := map[string]int{}
	for _, c := range it.Completions {
		switch c.Verdict {
		case reward.Right:
			v.Right++
		case reward.Unparsable:
			v.None++
		case reward.Wrong:
			wrong[strings.ToLower(strings.Join(strings.Fields(c.Answer), " "))]++
		}
	}
	for _, n := range wrong {
		v.Wrong = append(v.Wrong, n)
	}
	return v
}
