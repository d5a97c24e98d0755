package learner

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/octorl/octorl/rollout/trajectory"
)

// RewardedGroup is a group with the verdicts on its trajectories.
type RewardedGroup struct {
	Group   trajectory.Group
	Rewards []float32 // (G,) finite, unitless; above 0 is right
	Counted []bool    // (G,) false where the verifier failed: the trajectory is left out everywhere
}

// credited is what is left of a group when its rewards have become advantages:
// the counted trajectories alone.
type credited struct {
	id           string
	prompt       []int32
	trajectories []trajectory.Trajectory
	rewards      []float32
	advantages   []float32
	numTokens    int  // of all completions
	trained      bool // it has a part in the gradient
}

// credit checks the groups and gives each its advantages, in the order of their
// ids, so that the order in which they arrived changes nothing.
func (c RLConfig) credit(groups []RewardedGroup) ([]credited, error) {
	out := make([]credited, len(groups))
	for i, g := range groups {
		if err := c.check(g); err != nil {
			return nil, fmt.Errorf("group %q: %w", g.Group.ID, err)
		}
		out[i] = c.creditGroup(g)
	}
	slices.SortFunc(out, func(a, b credited) int {
		return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id))
	})
	for i := 1; i < len(out); i++ {
		if out[i].id == out[i-1].id {
			return nil, fmt.Errorf("group %q is in the batch twice", out[i].id)
		}
	}
	return out, nil
}

// creditGroup returns the counted part of a valid group. Without a critic, a
// penalty or a bonus a group of equal rewards has no gradient, and is not
// trained. With a critic advantages stay 0 here: see PolicyTrainer.appraise.
func (c RLConfig) creditGroup(g RewardedGroup) credited {
	out := credited{id: g.Group.ID, prompt: g.Group.Prompt}
	for i, tr := range g.Group.Trajectories {
		if g.Counted[i] {
			out.trajectories = append(out.trajectories, tr)
			out.rewards = append(out.rewards, g.Rewards[i])
			out.numTokens += len(tr.Completion)
		}
	}
	out.advantages = make([]float32, len(out.rewards))
	if out.informative() && c.Critic == nil {
		if err := GroupAdvantages(out.advantages, out.rewards, c.Advantage); err != nil {
			panic(fmt.Sprintf("learner: advantages of a checked group: %v", err))
		}
	}
	out.trained = out.informative() || c.trainsEqualRewards() && len(out.rewards) > 0
	return out
}

// informative says whether the group has rewards that differ.
func (g credited) informative() bool {
	return len(g.rewards) >= 2 && slices.Min(g.rewards) != slices.Max(g.rewards)
}

// check returns an error when a group's parts do not fit each other, when a
// trajectory does not fit a microbatch, or when a number is not finite.
func (c RLConfig) check(g RewardedGroup) error {
	n := len(g.Group.Trajectories)
	if len(g.Rewards) != n || len(g.Counted) != n {
		return fmt.Errorf("%d rewards and %d verdicts for %d trajectories", len(g.Rewards), len(g.Counted), n)
	}
	if len(g.Group.Prompt) == 0 {
		return errors.New("empty prompt: it needs at least one token, from which the first is drawn")
	}
	for i, tr := range g.Group.Trajectories {
		if i > 0 && tr.Index <= g.Group.Trajectories[i-1].Index {
			return fmt.Errorf("trajectory %d follows %d: sort them by index", tr.Index, g.Group.Trajectories[i-1].Index)
		}
		if err := c.checkTrajectory(tr, len(g.Group.Prompt)); err != nil {
			return fmt.Errorf("trajectory %d: %w", tr.Index, err)
		}
		if g.Counted[i] && !isFinite(g.Rewards[i]) {
			return fmt.Errorf("trajectory %d: reward %v: %w", tr.Index, g.Rewards[i], ErrNotFinite)
		}
	}
	return nil
}

func (c RLConfig) checkTrajectory(tr trajectory.Trajectory, promptTokens int) error {
	n := len(tr.Completion)
	if n == 0 || len(tr.LogProbs) != n {
		return fmt.Errorf("%d logprobs for %d tokens: each of one or more tokens needs one", len(tr.LogProbs), n)
	}
	if promptTokens+n > c.MicrobatchTokens {
		return fmt.Errorf("%d tokens after a prompt of %d, limit %d: %w", n, promptTokens, c.MicrobatchTokens, ErrOverBudget)
	}
	for i, lp := range tr.LogProbs {
		if !isFinite(lp) {
			return fmt.Errorf("behavior logprob %d is %v: %w", i, lp, ErrNotFinite)
		}
	}
	return nil
}
