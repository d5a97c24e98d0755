package rollout

import (
	"slices"

	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// group is a request under way. Its prompt pages are read by all its sequences
// and go back with the last of them.
type group struct {
	Request
	promptPages  []int32
	started      int // samples that have got a row
	ended        int // samples that have finished
	gone         bool
	trajectories []trajectory.Trajectory // (Samples,) by index
}

// prefix returns the prompt tokens whose keys the group shares. The last prompt
// token is not among them: each sequence begins by feeding it, which yields the
// hidden state that its first token is drawn from, whenever it gets a row.
func (g *group) prefix() []int32 { return g.Prompt[:len(g.Prompt)-1] }

// result returns the finished group.
func (g *group) result() trajectory.Group {
	return trajectory.Group{ID: g.ID, Problem: g.Problem, Prompt: g.Prompt, Trajectories: g.trajectories}
}

// sequence is one completion being decoded. Sequences are recycled with their
// arrays.
type sequence struct {
	group    *group
	index    int // in the group
	key      [2]int32
	table    []int32 // (kernels.CacheTable + pagesPerRow,) as kernels.CacheTable describes
	shared   int     // prompt pages in table
	own      int     // own pages in table
	tokens   []int32
	logprobs []float32
	stop     stopMatcher
}

// input returns the token to feed next and its position.
func (s *sequence) input() (id, position int32) {
	position = int32(len(s.group.Prompt) + len(s.tokens) - 1)
	if len(s.tokens) == 0 {
		return s.group.Prompt[position], position
	}
	return s.tokens[len(s.tokens)-1], position
}

// accept appends a drawn token and returns why the completion ends with it, or
// "" when it goes on.
func (s *sequence) accept(c *Config, token int32, logprob float32) trajectory.FinishReason {
	s.tokens = append(s.tokens, token)
	s.logprobs = append(s.logprobs, logprob)
	switch {
	case slices.Contains(c.EndTokens, token), s.stop.matches(c.Decode, s.tokens):
		return trajectory.FinishStop
	case len(s.tokens) == s.group.MaxTokens:
		return trajectory.FinishLength
	}
	return ""
}

// trajectory returns the completion in slices of its own.
func (s *sequence) trajectory(c *Config, finish trajectory.FinishReason) trajectory.Trajectory {
	versions := make([]policy.Version, len(s.tokens))
	for i := range versions {
		versions[i] = s.group.Version
	}
	return trajectory.Trajectory{
		Index:      s.index,
		Completion: slices.Clone(s.tokens),
		LogProbs:   slices.Clone(s.logprobs),
		Versions:   versions,
		Finish:     finish,
		Text:       cutStop(c.Decode(s.spoken(c)), s.group.StopStrings),
	}
}

// spoken returns the tokens of the completion without the one that ended it: an
// end token is no text, even where the tokenizer does not call it special.
func (s *sequence) spoken(c *Config) []int32 {
	last := len(s.tokens) - 1
	if last >= 0 && slices.Contains(c.EndTokens, s.tokens[last]) {
		return s.tokens[:last]
	}
	return s.tokens
}
