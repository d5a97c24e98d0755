package actors

import (
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

// SizesOn returns the sizes for a policy of shape c on a device, in groups of at
// most so many samples. A device with memory of its own is wide: it gets what
// fits there, up to a size from which more makes nothing faster.
func SizesOn(info kernels.Info, c policy.Config, samples int) Sizes {
	s := Sizes{MicrobatchTokens: 4096, PromptTokens: c.MaxPositions, Groups: 8}
	if info.Memory == 0 {
		return s
	}
	const mostTokens, mostGroups = 32 << 10, 64
	// A tenth is left to the device's own needs, such as the logits of a chunk.
	free := int(info.Memory/10*9) - c.WeightBytes(info.Compute) - StateBytes(info.Compute)*c.NumParameters()
	fits := func(bytes, share int) bool { return bytes <= free/10*share }
	for n := 2 * s.MicrobatchTokens; n <= mostTokens && fits(n*c.RowBytes(info.Compute, true), 6); n *= 2 {
		s.MicrobatchTokens = n
	}
	for n := 2 * s.Groups; n <= mostGroups && fits(c.CacheBytes(info.Compute, n*samples*rowPositions(c)), 3); n *= 2 {
		s.Groups = n
	}
	s.PromptTokens = max(c.MaxPositions, min(s.MicrobatchTokens, 8<<10))
	return s
}

// rowPositions is the positions of the cache that one completion may take, in
// whole pages for prompt and completion.
func rowPositions(c policy.Config) int {
	return PageTokens * ((c.MaxPositions+PageTokens-1)/PageTokens + 1)
}
