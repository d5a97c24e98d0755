package actors

import (
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// Sizes are how much a process works on at once. They follow from the device
// and change no result but by the rounding of sums over microbatches.
type Sizes struct {
	// MicrobatchTokens is the most packed tokens of one pass of training,
	// unless one sequence is longer.
	MicrobatchTokens int
	// PromptTokens is the most prompt tokens that a rollout prefills at once.
	PromptTokens int
	// Groups is how many groups one rollout draws at a time. Fewer fill the
	// batch badly, more leave nothing to the other rollouts of a step.
	Groups int
}

// StateBytes is what training keeps of each parameter besides the weights that
// are computed with: gradient and two moments, and master weights where
// weights are not Float32.
func StateBytes(t kernels.Type) int {
	if t == kernels.Float32 {
		return 12
	}
	return 16
}

// Needs are what the stages of a recipe ask of a device that sizes depend on.
type Needs struct {
	// Samples is the most completions of a problem that rollouts draw.
	Samples int
	// Critic says that a stage trains a critic beside the policy.
	Critic bool
}

// NeedsOf returns what a recipe's stages ask for.
func NeedsOf(r *config.Recipe) Needs {
	n := Needs{Samples: 1}
	for _, s := range r.Stages {
		if s.RL != nil {
			n.Samples = max(n.Samples, s.RL.Samples)
			n.Critic = n.Critic || s.HasCritic()
		}
	}
	return n
}

// SizesOn returns the sizes for a policy of shape c on a device. A device with
// memory of its own is wide: it gets what fits there, up to a size from which
// more makes nothing faster.
func SizesOn(info kernels.Info, c policy.Config, n Needs) Sizes {
	s := Sizes{MicrobatchTokens: 4096, PromptTokens: c.MaxPositions, Groups: 8}
	if info.Memory == 0 {
		return s
	}
	const mostTokens, mostGroups = 32 << 10, 64
	// A tenth is left to the device's own needs, such as the logits of a chunk.
	trained := 1
	if n.Critic {
		trained = 2 // the critic is as large, by all but its head
	}
	free := int(info.Memory/10*9) - trained*(c.WeightBytes(info.Compute)+StateBytes(info.Compute)*c.NumParameters())
	fits := func(bytes, share int) bool { return bytes <= free/10*share }
	for m := 2 * s.MicrobatchTokens; m <= mostTokens && fits(trained*m*c.RowBytes(info.Compute, true), 6); m *= 2 {
		s.MicrobatchTokens = m
	}
	for g := 2 * s.Groups; g <= mostGroups && fits(c.CacheBytes(info.Compute, g*n.Samples*rowPositions(c)), 3); g *= 2 {
		s.Groups = g
	}
	s.PromptTokens = max(c.MaxPositions, min(s.MicrobatchTokens, 8<<10))
	return s
}

// rowPositions is the positions of the cache that one completion may take, in
// whole pages for prompt and completion.
func rowPositions(c policy.Config) int {
	return PageTokens * ((c.MaxPositions+PageTokens-1)/PageTokens + 1)
}
