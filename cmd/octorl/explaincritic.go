package main

import (
	"fmt"
	"strconv"

	"github.com/octorl/octorl/actors"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/learner"
	"github.com/octorl/octorl/policy"
)

// numCritics returns the stages that train a critic.
func numCritics(r *config.Recipe) int {
	n := 0
	for _, s := range r.Stages {
		if s.HasCritic() {
			n++
		}
	}
	return n
}

// criticOf returns the shape of a policy's critic.
func criticOf(c policy.Config) policy.Config {
	c.ValueHead = true
	return c
}

// trunkMatrices returns the weights of a shape that every token is multiplied
// with, the output matrix left out.
func trunkMatrices(c policy.Config) int {
	c.TieEmbeddings, c.ValueHead = true, false
	return c.NumParameters() - c.Vocab*c.Hidden - c.Hidden*(2*c.Layers+1) // less the gains; biases are too few to matter
}

// explainCritics describes the critics of a run and what they compute: two
// operations a weight and token for values, and six an epoch to train, attention
// left out. The policy is trained at the same price, with its output matrix.
func explainCritics(line writeLine, r *config.Recipe, c policy.Config) {
	if numCritics(r) == 0 {
		return
	}
	weights := int64(trunkMatrices(c))
	line("critic of", "learning rate", "updates a step", "gamma, lambda", "value clip", "FLOP a token", "FLOP of completions, at most", "of the policy's updates")
	for _, s := range r.Stages {
		if !s.HasCritic() {
			continue
		}
		v, epochs := s.RL.Critic, int64(s.RL.Epochs)
		token := (2 + 6*epochs) * weights
		updates := 6 * epochs * (weights + int64(c.Vocab*c.Hidden))
		line(s.Name, fmt.Sprintf("%g", s.Optimizer.LR*v.LearningRateFactor), strconv.Itoa(v.UpdatesPerStep*s.RL.Epochs),
			fmt.Sprintf("%g, %g", v.Gamma, v.Lambda), fmt.Sprintf("%g", v.ValueClip),
			flop(token), flop(token*s.MaxCompletionTokens()), flop(updates*s.MaxCompletionTokens()))
	}
	line()
}

// explainCriticMemory adds what a critic allocates to the rows of memory.
func explainCriticMemory(row func(name string, bytes int, how string), r *config.Recipe, c policy.Config, info kernels.Info, batch int) {
	critic, compute := criticOf(c), info.Compute
	state := actors.StateBytes(compute)
	copied := 0
	if info.Memory == 0 {
		copied = 2 * 4 * trunkMatrices(c)
	}
	row("critic", critic.WeightBytes(compute)+copied+state*critic.NumParameters(),
		fmt.Sprintf("weights%s and %d bytes of training state a parameter", map[bool]string{true: ", 2 · matrices for products"}[copied > 0], state))
	row("activations, critic", batch*critic.RowBytes(compute, true), fmt.Sprintf("%d tokens of a microbatch · %d bytes", batch, critic.RowBytes(compute, true)))
	tokens := 0
	for _, s := range r.Stages {
		for step := 0; s.HasCritic() && step < s.RL.Steps; step++ {
			tokens = max(tokens, s.RL.GroupsPerStep*s.RL.Samples*s.RL.ResponseCap(step))
		}
	}
	row("advantages", (tokens+tokens/4)*learner.AppraisalBytes(),
		fmt.Sprintf("at most 5/4 · %d tokens of a step · %d bytes", tokens, learner.AppraisalBytes()))
}

// flop formats a number of operations.
func flop(n int64) string {
	x, unit := float64(n), ""
	for _, larger := range []string{"k", "M", "G", "T", "P", "E"} {
		if x < 1000 {
			break
		}
		x, unit = x/1000, larger
	}
	return fmt.Sprintf("%.3g %s", x, unit)
}
