package learner

import (
	"errors"
	"fmt"
	"math"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// CriticConfig is the setting of a PolicyTrainer's critic.
type CriticConfig struct {
	LearningRateFactor float64 // of the policy's learning rate; default 5
	Gamma              float64 // discount of what is earned later, a token; default 1
	Lambda             float64 // trust in rewards over values, from 0 to 1 (arXiv:1506.02438 §3); default 1
	Whiten             bool    // advantages of a batch get mean 0 and deviation 1; default true
	ValueClip          float64 // how far a step may move values before the loss stops to; default 0.5; 0 does not clip
	UpdatesPerBatch    int     // optimizer steps a batch is split into, by groups; default 2
}

// DefaultCriticConfig returns the setting of Open-Reasoner-Zero
// (arXiv:2503.24290 §2), undiscounted returns without bootstrapping and a rate
// five times the policy's, with verl's bound on values.
func DefaultCriticConfig() CriticConfig {
	return CriticConfig{LearningRateFactor: 5, Gamma: 1, Lambda: 1, Whiten: true, ValueClip: 0.5, UpdatesPerBatch: 2}
}

// Validate reports every fault of c, joined.
func (c CriticConfig) Validate() error {
	faults := []error{
		inRange("critic's learning rate factor", c.LearningRateFactor, 0, math.MaxFloat32),
		inRange("critic's gamma", c.Gamma, 0, 1),
		inRange("critic's lambda", c.Lambda, 0, 1),
		inRange("critic's value clip", c.ValueClip, 0, math.MaxFloat32),
	}
	if c.UpdatesPerBatch < 1 {
		faults = append(faults, fmt.Errorf("critic's updates per batch is %d: use 1 or more", c.UpdatesPerBatch))
	}
	return errors.Join(faults...)
}

// critic trains the values that a policy's tokens are credited by.
type critic struct {
	*workspace
	appraisal
	config CriticConfig
}

// newCritic returns a trainer of p for microbatches of at most tokens packed
// tokens.
func newCritic(p *policy.Policy, tokens int, o OptimizerConfig, c CriticConfig) (*critic, error) {
	w, err := newWorkspace(p, tokens, o)
	if err != nil {
		return nil, fmt.Errorf("critic: %w", err)
	}
	return &critic{workspace: w, config: c, appraisal: appraisal{dev: p.Device()}}, nil
}

func (c *critic) free() {
	c.workspace.free()
	c.appraisal.free()
}

// valueUpdate is what one optimizer step of a critic reports. Stats are written
// by the device.
type valueUpdate struct {
	stats    [][kernels.NumValueStats]float32 // of each microbatch
	gradNorm float64
	skipped  bool
}

// finishUpdate waits for the oldest queued update, which is u.
func (c *critic) finishUpdate(u *valueUpdate) (err error) {
	u.gradNorm, u.skipped, err = c.finish()
	return err
}

// queue queues one optimizer step from a minibatch whose tokens are appraised.
func (c *critic) queue(mini minibatch, host *tokenArrays, lr float64) valueUpdate {
	u := valueUpdate{stats: make([][kernels.NumValueStats]float32, len(mini.microbatches))}
	c.gradients.Zero()
	at := mini.first
	for i, pieces := range mini.microbatches {
		b := host.pack(pieces, 0)
		part := c.part(at, len(b.Targets))
		at += len(b.Targets)
		c.pass.Values(b)
		c.dev.Upload(part.weight, host.weight)
		c.dev.ValueLoss(c.loss(part, c.pass.Value))
		c.pass.BackwardValues(c.gradients, part.coef)
		c.dev.Download(u.stats[i][:], c.stats)
	}
	c.optimizer.queue(c.gradients.Arena, lr*c.config.LearningRateFactor)
	return u
}

// loss is that of values for the tokens of part.
func (c *critic) loss(part tokenBuffers, value kernels.Buffer) kernels.ValueLossArgs {
	return kernels.ValueLossArgs{
		Value: value, Old: part.value, Return: part.returns, Weight: part.weight, Clip: float32(c.config.ValueClip),
		Coef: part.coef, Stats: c.stats,
	}
}

// learnValues appraises a batch and queues the updates of the critic. What is left
// on the device is what the policy's updates read. settle waits for what is
// queued and tells s of it.
func (t *PolicyTrainer) learnValues(batch []credited, lr float64, s *summary) (settle func() error, err error) {
	whole := t.config.newMinibatch(batch)
	if len(whole.microbatches) == 0 {
		return func() error { return nil }, nil
	}
	var before [kernels.NumValueStats]float32 // written when the first update has been waited for
	if err := t.appraise(whole, before[:]); err != nil {
		return nil, err
	}
	n := t.critic.config.UpdatesPerBatch
	minis := t.config.minibatches(batch, n)
	made := updates[valueUpdate]{what: "critic's update", finish: t.critic.finishUpdate, add: s.addValues}
	for i := range n * t.config.Epochs {
		mini := minis[i%n]
		if len(mini.microbatches) == 0 {
			continue
		}
		if err := made.push(t.critic.queue(mini, &t.host, lr)); err != nil {
			return nil, err
		}
	}
	return func() error {
		if err := made.settle(); err != nil {
			return err
		}
		s.appraised(before)
		return nil
	}, nil
}

// appraise computes values, advantages and returns of a batch, cut in
// microbatches, and the statistics of its values.
func (t *PolicyTrainer) appraise(whole minibatch, stats []float32) error {
	c := t.critic
	var rewards []float32
	starts := []int32{0}
	for _, pieces := range whole.microbatches {
		for _, p := range pieces {
			rewards = append(rewards, p.rewards...)
			for _, completion := range p.completions {
				starts = append(starts, starts[len(starts)-1]+int32(len(completion)))
			}
		}
	}
	if err := c.reserve(whole.numTokens, len(rewards)); err != nil {
		return err
	}
	at := 0
	for _, pieces := range whole.microbatches {
		b := t.host.pack(pieces, 0)
		part := c.part(at, len(b.Targets))
		at += len(b.Targets)
		c.pass.Values(b)
		t.dev.Copy(part.value, c.pass.Value)
		if t.reference != nil {
			t.reference.Forward(b, float32(t.config.Temperature))
			t.dev.Copy(part.reference, t.reference.LogProb)
		}
		t.dev.Upload(part.behavior, t.host.behavior)
		t.dev.Upload(part.weight, t.host.weight)
	}
	all := c.part(0, whole.numTokens)
	a := kernels.AdvantageArgs{
		Starts: c.starts.Slice(0, len(starts)), Reward: c.reward.Slice(0, len(rewards)), Value: all.value,
		Behavior: all.behavior, Reference: all.reference,
		Gamma: float32(c.config.Gamma), Lambda: float32(c.config.Lambda), KL: float32(t.config.KL), Whiten: c.config.Whiten,
		Advantage: all.advantage, Return: all.returns,
	}
	t.dev.Upload(a.Starts, starts)
	t.dev.Upload(a.Reward, rewards)
	t.dev.Advantage(a)
	t.dev.ValueLoss(c.loss(all, all.value))
	t.dev.Download(stats, c.stats)
	return nil
}
