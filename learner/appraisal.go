package learner

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// appraisal is the device memory for what a critic says of a batch. It grows
// with the largest batch so far.
type appraisal struct {
	dev    kernels.Device
	memory allocations

	all    tokenBuffers
	starts kernels.Buffer // (completions+1,) Int32
	reward kernels.Buffer // (completions,)
	stats  kernels.Buffer // as kernels lists them
}

// tokenBuffers are arrays with one element for each completion token of a batch, in
// the order of credit, or of a part of it.
type tokenBuffers struct {
	behavior, reference       kernels.Buffer // logprobs
	value, advantage, returns kernels.Buffer
	weight, coef              kernels.Buffer // of the loss, and its derivative
}

// arrays lists the fields.
func (t *tokenBuffers) arrays() []*kernels.Buffer {
	return []*kernels.Buffer{&t.behavior, &t.reference, &t.value, &t.advantage, &t.returns, &t.weight, &t.coef}
}

// AppraisalBytes returns the memory that a PolicyTrainer with a critic takes for
// each completion token of a batch, on any device.
func AppraisalBytes() int { return kernels.Float32.Size() * len(new(tokenBuffers).arrays()) }

// reserve makes room for so many tokens of so many completions. Contents are
// lost where it grows, a little more than asked for.
func (a *appraisal) reserve(numTokens, completions int) error {
	if a.all.value != nil && numTokens <= a.all.value.Len() && completions <= a.reward.Len() {
		return nil
	}
	a.free()
	a.memory = allocations{dev: a.dev}
	numTokens, completions = numTokens+numTokens/4, completions+completions/4
	for _, b := range a.all.arrays() {
		*b = a.memory.floats(numTokens)
	}
	a.reward, a.stats = a.memory.floats(completions), a.memory.floats(kernels.NumValueStats)
	a.starts = a.memory.ints(completions + 1)
	if err := a.memory.err; err != nil {
		a.free()
		return fmt.Errorf("allocate for a batch of %d tokens: %w", numTokens, err)
	}
	return nil
}

// part returns the arrays of n tokens from the at-th on.
func (a *appraisal) part(at, n int) tokenBuffers {
	part := a.all
	for _, b := range part.arrays() {
		*b = (*b).Slice(at, at+n)
	}
	return part
}

func (a *appraisal) free() {
	a.memory.free()
	a.all = tokenBuffers{}
}
