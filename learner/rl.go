package learner

import (
	"errors"
	"fmt"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// PolicyTrainer trains a policy on rewarded groups by the clipped policy
// gradient, in the setting of RLConfig: with group advantages (GRPO,
// arXiv:2402.03300 §4.1), or with the advantages of tokens by a critic, which it
// trains too (PPO, arXiv:1707.06347). It owns passes, gradients and optimizers,
// and is not safe for concurrent use.
type PolicyTrainer struct {
	*workspace
	config    RLConfig
	dev       kernels.Device
	reference *policy.Pass // nil without a KL penalty
	critic    *critic      // nil without RLConfig.Critic
	memory    allocations
	host      tokenArrays

	// One element a prediction of a microbatch.
	behavior, advantage, weight, entropyCoef, coef kernels.Buffer
	stats                                          kernels.Buffer // as kernels lists them
}

// Networks are what a PolicyTrainer works with, all on one device. They stay the
// caller's.
type Networks struct {
	Policy    *policy.Policy // is trained; its present weights are the start
	Reference *policy.Policy // what RLConfig.KL draws towards; nil exactly when that is 0
	Critic    *policy.Policy // is trained too, as NewCritic makes it; nil exactly without RLConfig.Critic
}

// check returns an error where the networks are not those that c calls for.
func (n Networks) check(c RLConfig) error {
	if (n.Reference != nil) != (c.KL != 0) {
		return fmt.Errorf("KL penalty %g with a reference policy: %t: give one exactly when the penalty is not 0", c.KL, n.Reference != nil)
	}
	if (n.Critic != nil) != (c.Critic != nil) {
		return fmt.Errorf("a critic: %t, its setting: %t: give both or none", n.Critic != nil, c.Critic != nil)
	}
	return nil
}

// NewPolicyTrainer returns a trainer of n. Free releases it. It returns an error
// for an invalid config, for networks that do not fit it, and when device
// memory cannot be had.
func NewPolicyTrainer(n Networks, c RLConfig) (*PolicyTrainer, error) {
	if err := errors.Join(c.Validate(), n.check(c)); err != nil {
		return nil, fmt.Errorf("rl config: %w", err)
	}
	w, err := newWorkspace(n.Policy, c.MicrobatchTokens, c.Optimizer)
	if err != nil {
		return nil, err
	}
	t := &PolicyTrainer{workspace: w, config: c, dev: n.Policy.Device()}
	if err := t.allocate(n); err != nil {
		t.Free()
		return nil, fmt.Errorf("allocate policy trainer: %w", err)
	}
	return t, nil
}

func (t *PolicyTrainer) allocate(of Networks) (err error) {
	n := t.config.MicrobatchTokens
	if of.Reference != nil {
		if t.reference, err = newPass(of.Reference, n, false); err != nil {
			return err
		}
	}
	if of.Critic != nil {
		if t.critic, err = newCritic(of.Critic, n, t.config.Optimizer, *t.config.Critic); err != nil {
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
	if t.critic != nil {
		t.critic.free()
	}
}

// Optimizer returns the optimizer, whose state belongs to a checkpoint.
func (t *PolicyTrainer) Optimizer() *Optimizer { return t.optimizer }

// CriticOptimizer returns the critic's optimizer, whose state belongs to a
// checkpoint, or nil without a critic.
func (t *PolicyTrainer) CriticOptimizer() *Optimizer {
	if t.critic == nil {
		return nil
	}
	return t.critic.optimizer
}

// Step trains on one batch of groups at learning rate lr. The groups are put in
// the order of their ids (shorter ids first) and split into UpdatesPerBatch
// minibatches of consecutive groups, one update each, Epochs times over;
// trajectories of a group come sorted by index. So the result does not depend
// on the order in which groups arrive.
//
// Without a critic, groups of equal rewards have no gradient and are left out
// of the passes, except under a KL penalty or an entropy bonus; their tokens
// count in the mean all the same. A minibatch with no group to train makes no
// update at all: moments, decay and bias correction stay as they are.
//
// With a critic no group is left out. Values, advantages and returns of the
// whole batch come first, by the critic's weights as the step begins; then the
// critic is updated, then the policy.
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
	settleValues := func() error { return nil }
	if t.critic != nil {
		if settleValues, err = t.learnValues(batch, lr, s); err != nil {
			return RLMetrics{}, err
		}
	}
	n := t.config.UpdatesPerBatch
	minis := t.config.minibatches(batch, n)
	made := updates[update]{what: "update", finish: t.finishUpdate, add: s.add}
	for i := range n * t.config.Epochs {
		mini := minis[i%n]
		if len(mini.microbatches) == 0 {
			s.UpdatesEmpty++
			continue
		}
		if err := made.push(t.queue(mini, lr)); err != nil {
			return RLMetrics{}, err
		}
	}
	if err := errors.Join(settleValues(), made.settle()); err != nil {
		return RLMetrics{}, err
	}
	return s.metrics(), nil
}

// finishUpdate waits for the oldest queued update, which is u.
func (t *PolicyTrainer) finishUpdate(u *update) (err error) {
	u.gradNorm, u.skipped, err = t.finish()
	return err
}

// queue queues one optimizer step from a minibatch.
func (t *PolicyTrainer) queue(mini minibatch, lr float64) update {
	u := newUpdate(mini)
	t.gradients.Zero()
	done := 0
	for i, pieces := range mini.microbatches {
		done += t.accumulate(pieces, mini.first+done, u.stats[i][:], u.entropy[done:])
	}
	t.optimizer.queue(t.gradients.Arena, lr)
	return u
}

// accumulate adds the gradient of one microbatch, whose tokens are those of the
// batch from the at-th on, and returns its number of predictions. Its statistics
// and entropies are valid when the device has been waited for.
func (t *PolicyTrainer) accumulate(pieces []piece, at int, stats, entropy []float32) int {
	b := t.host.pack(pieces, t.config.EntropyCoef)
	n := len(b.Targets)
	t.pass.Forward(b, float32(t.config.Temperature))
	a := kernels.PolicyGradientArgs{
		LogProb:  t.pass.LogProb,
		Weight:   t.upload(t.weight, t.host.weight),
		ClipLow:  float32(t.config.ClipLow),
		ClipHigh: float32(t.config.ClipHigh),
		DualClip: float32(t.config.DualClip),
		Coef:     t.coef.Slice(0, n),
		Stats:    t.stats,
	}
	if t.critic != nil {
		t.creditByValues(&a, at, n)
	} else {
		t.creditByGroups(&a, b)
	}
	var entropyCoef kernels.Buffer
	if t.config.EntropyCoef != 0 {
		entropyCoef = t.upload(t.entropyCoef, t.host.entropyCoef)
	}
	t.dev.PolicyGradient(a)
	t.pass.Backward(t.gradients, a.Coef, entropyCoef)
	t.dev.Download(stats, t.stats)
	t.dev.Download(entropy[:n], t.pass.Entropy)
	return n
}

// creditByGroups sets what a microbatch is credited by: the advantages of its
// completions, and a penalty in the loss.
func (t *PolicyTrainer) creditByGroups(a *kernels.PolicyGradientArgs, b policy.Batch) {
	a.Behavior = t.upload(t.behavior, t.host.behavior)
	a.Advantage = t.upload(t.advantage, t.host.advantage)
	if t.reference != nil {
		t.reference.Forward(b, float32(t.config.Temperature))
		a.Reference, a.KL = t.reference.LogProb, float32(t.config.KL)
	}
}

// creditByValues is creditByGroups with what the critic left of n tokens from
// the at-th on. The penalty is in the advantages already; the reference is for
// the statistics.
func (t *PolicyTrainer) creditByValues(a *kernels.PolicyGradientArgs, at, n int) {
	part := t.critic.part(at, n)
	a.Behavior, a.Advantage = part.behavior, part.advantage
	if t.reference != nil {
		a.Reference = part.reference
	}
}

// upload copies src to the start of dst and returns that part of it.
func (t *PolicyTrainer) upload(dst kernels.Buffer, src []float32) kernels.Buffer {
	part := dst.Slice(0, len(src))
	t.dev.Upload(part, src)
	return part
}
