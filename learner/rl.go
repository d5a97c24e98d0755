package learner

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// PolicyTrainer trains a policy on rewarded groups by the clipped policy
// gradient with group advantages (GRPO, arXiv:2402.03300 §4.1, in the setting
// of RLConfig). It owns passes, gradients and an optimizer, and is not safe
// for concurrent use.
type PolicyTrainer struct {
	*workspace
	config    RLConfig
	dev       kernels.Device
	reference *policy.Pass // nil without a KL penalty
	memory    allocations
	host      tokenArrays

	// One element a prediction of a microbatch.
	behavior, advantage, weight, entropyCoef, coef kernels.Buffer
	stats                                          kernels.Buffer // as kernels lists them
}

// NewPolicyTrainer returns a trainer of p, whose present weights are the start.
// reference is the policy that c.KL draws towards: it stays the caller's, on
// the same device, and is nil exactly when c.KL is 0. Free releases the
// trainer. It returns an error for an invalid config and when device memory
// cannot be had.
func NewPolicyTrainer(p, reference *policy.Policy, c RLConfig) (*PolicyTrainer, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("rl config: %w", err)
	}
	if (reference != nil) != (c.KL != 0) {
		return nil, fmt.Errorf("rl config: KL penalty %g with a reference policy: %t: give one exactly when the penalty is not 0",
			c.KL, reference != nil)
	}
	w, err := newWorkspace(p, c.MicrobatchTokens, c.Optimizer)
	if err != nil {
		return nil, err
	}
	t := &PolicyTrainer{workspace: w, config: c, dev: p.Device()}
	if err := t.allocateInputs(reference); err != nil {
		t.Free()
		return nil, fmt.Errorf("allocate policy trainer: %w", err)
	}
	return t, nil
}

func (t *PolicyTrainer) allocateInputs(reference *policy.Policy) (err error) {
	n := t.config.MicrobatchTokens
	if reference != nil {
		if t.reference, err = newPass(reference, n, false); err != nil {
			return err
		}
	}
	t.memory.dev = t.dev
	t.behavior, t.advantage, t.weight = t.memory.floats(n), t.memory.floats(n), t.memory.floats(n)
	t.entropyCoef, t.coef, t.stats = t.memory.floats(n), t.memory.floats(n), t.memory.floats(kernels.NumPolicyStats)
	return t.memory.err
}

// Free releases the trainer, once queued work that uses it is done.
func (t *PolicyTrainer) Free() {
	t.free()
	t.memory.free()
	if t.reference != nil {
		t.reference.Free()
	}
}

// Optimizer returns the optimizer, whose state belongs to a checkpoint.
func (t *PolicyTrainer) Optimizer() *Optimizer { return t.optimizer }

// Step trains on one batch of groups at learning rate lr. The groups are put in
// the order of their ids (shorter ids first) and split into UpdatesPerBatch
// minibatches of consecutive groups, one update each; trajectories of a group
// come sorted by index. So the result does not depend on the order in which
// groups arrive.
//
// Groups of equal rewards have no gradient and are left out of the passes,
// except under a KL penalty or an entropy bonus; their tokens count in the mean
// all the same. A minibatch with no group to train makes no update at all:
// moments, decay and bias correction stay as they are.
//
// Behavior logprobs are those of the policy's weights when the step begins, or
// older ones. In the first case the first update's ratios are exactly 1, and
// RLMetrics.RatioDeviationFirst is 0.
//
// Faulty groups are refused by id before anything changes: ErrNotFinite for a
// reward or a logprob, ErrOverBudget for a completion that does not fit a
// microbatch. An error of the device may leave some updates made. A gradient
// that is not finite is not an error: see RLMetrics.UpdatesNotFinite.
func (t *PolicyTrainer) Step(groups []RewardedGroup, lr float64) (RLMetrics, error) {
	batch, err := t.config.credit(groups)
	if err != nil {
		return RLMetrics{}, err
	}
	s := newSummary(groups, batch)
	n := t.config.UpdatesPerBatch
	for i := range n {
		mini := t.config.newMinibatch(batch[i*len(batch)/n : (i+1)*len(batch)/n])
		if len(mini.microbatches) == 0 {
			s.UpdatesEmpty++
			continue
		}
		u, err := t.update(mini, lr)
		if err != nil {
			return RLMetrics{}, fmt.Errorf("update %d of %d: %w", i+1, n, err)
		}
		s.add(u)
	}
	return s.metrics(), nil
}

// update makes one optimizer step from a minibatch.
func (t *PolicyTrainer) update(mini minibatch, lr float64) (update, error) {
	u := newUpdate(mini)
	t.gradients.Zero()
	done := 0
	for i, pieces := range mini.microbatches {
		done += t.accumulate(pieces, u.stats[i][:], u.entropy[done:])
	}
	var err error
	u.gradNorm, u.skipped, err = t.apply(lr)
	return u, err
}

// accumulate adds the gradient of one microbatch and returns its number of
// predictions. Its statistics and entropies are valid when the device has been
// waited for.
func (t *PolicyTrainer) accumulate(pieces []piece, stats, entropy []float32) int {
	b := t.host.pack(pieces, t.config.EntropyCoef)
	t.pass.Forward(b, float32(t.config.Temperature))
	var reference, entropyCoef kernels.Buffer
	if t.reference != nil {
		t.reference.Forward(b, float32(t.config.Temperature))
		reference = t.reference.LogProb
	}
	if t.config.EntropyCoef != 0 {
		entropyCoef = t.upload(t.entropyCoef, t.host.entropyCoef)
	}
	coef := t.coef.Slice(0, len(b.Targets))
	t.dev.PolicyGradient(kernels.PolicyGradientArgs{
		LogProb:   t.pass.LogProb,
		Behavior:  t.upload(t.behavior, t.host.behavior),
		Reference: reference,
		Advantage: t.upload(t.advantage, t.host.advantage),
		Weight:    t.upload(t.weight, t.host.weight),
		ClipLow:   float32(t.config.ClipLow),
		ClipHigh:  float32(t.config.ClipHigh),
		DualClip:  float32(t.config.DualClip),
		KL:        float32(t.config.KL),
		Coef:      coef,
		Stats:     t.stats,
	})
	t.pass.Backward(t.gradients, coef, entropyCoef)
	t.dev.Download(stats, t.stats)
	t.dev.Download(entropy[:len(b.Targets)], t.pass.Entropy)
	return len(b.Targets)
}

// upload copies src to the start of dst and returns that part of it.
func (t *PolicyTrainer) upload(dst kernels.Buffer, src []float32) kernels.Buffer {
	part := dst.Slice(0, len(src))
	t.dev.Upload(part, src)
	return part
}
