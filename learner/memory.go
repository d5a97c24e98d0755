package learner

import (
	"errors"
	"fmt"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// allocations is device memory that is freed together. After a failed
// allocation it allocates no more; see err.
type allocations struct {
	dev     kernels.Device
	buffers []kernels.Buffer
	err     error
}

// floats returns n zeros, or nil once an allocation has failed.
func (a *allocations) floats(n int) kernels.Buffer { return a.zeros(kernels.Float32, n) }

// ints is floats for Int32.
func (a *allocations) ints(n int) kernels.Buffer { return a.zeros(kernels.Int32, n) }

func (a *allocations) zeros(t kernels.Type, n int) kernels.Buffer {
	if a.err != nil {
		return nil
	}
	b, err := a.dev.Alloc(t, n)
	if err != nil {
		a.err = err
		return nil
	}
	a.buffers = append(a.buffers, b)
	return b
}

func (a *allocations) free() {
	for _, b := range a.buffers {
		a.dev.Free(b)
	}
	a.buffers = nil
}

// workspace is what any trainer needs to make updates of a policy.
type workspace struct {
	pass      *policy.Pass
	gradients *policy.Gradients
	optimizer *Optimizer
}

// newWorkspace allocates for microbatches of at most tokens packed tokens, each
// of which predicts at most one.
func newWorkspace(p *policy.Policy, tokens int, c OptimizerConfig) (*workspace, error) {
	w := new(workspace)
	if err := w.allocate(p, tokens, c); err != nil {
		w.free()
		return nil, err
	}
	return w, nil
}

func (w *workspace) allocate(p *policy.Policy, tokens int, c OptimizerConfig) (err error) {
	if w.pass, err = newPass(p, tokens, true); err != nil {
		return err
	}
	if w.gradients, err = p.NewGradients(); err != nil {
		return err
	}
	w.optimizer, err = NewOptimizer(p, c)
	return err
}

// newPass returns a pass over batches of at most tokens packed tokens, which
// hold no more segments and predictions than that.
func newPass(p *policy.Policy, tokens int, backward bool) (*policy.Pass, error) {
	return p.NewPass(policy.PassLimits{Tokens: tokens, Segments: tokens, Predictions: tokens, Backward: backward})
}

func (w *workspace) free() {
	if w.pass != nil {
		w.pass.Free()
	}
	if w.gradients != nil {
		w.gradients.Free()
	}
	if w.optimizer != nil {
		w.optimizer.Free()
	}
}

// finish waits for the oldest update that the optimizer has queued.
func (w *workspace) finish() (norm float64, skipped bool, err error) {
	norm, err = w.optimizer.finish()
	if errors.Is(err, ErrNotFinite) {
		return 0, true, nil
	}
	return norm, false, err
}

func validateMicrobatch(tokens int) error {
	if tokens < 2 {
		return fmt.Errorf("microbatch tokens is %d: use 2 or more", tokens)
	}
	return nil
}
