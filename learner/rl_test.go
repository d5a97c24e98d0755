package learner

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/octorl/octorl/internal/devicetest"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// rlConfig is the default setting with other sizes.
func rlConfig(updates, microbatchTokens int) RLConfig {
	c := DefaultRLConfig()
	c.UpdatesPerBatch, c.MicrobatchTokens = updates, microbatchTokens
	return c
}

func mustStep(t *testing.T, trainer *PolicyTrainer, groups []RewardedGroup, lr float64) RLMetrics {
	t.Helper()
	m, err := trainer.Step(groups, lr)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The completions are scored one by one, and trained packed in groups and in
// microbatches of several sizes: the ratios must be 1 all the same.
func TestFirstRatioIsOne(t *testing.T) {
	const seed = 1
	t.Log("seed", seed)
	dev := newDevice(t)
	for _, limit := range []int{12, 40, 1000} {
		p := newTiny(t, dev)
		groups := randomBatch(t, p, rand.New(rand.NewPCG(seed, 0)), 6)
		trainer := newRL(t, p, nil, rlConfig(2, limit))
		m := mustStep(t, trainer, groups, 0.02)
		if m.UpdatesMade != 2 || m.RatioDeviationFirst != 0 {
			t.Errorf("microbatches of %d: %d updates, deviation of the first %v", limit, m.UpdatesMade, m.RatioDeviationFirst)
		}
		if m.RatioMin >= 1 || m.RatioMax <= 1 || m.KLBehavior <= 0 {
			t.Errorf("microbatches of %d: the second update saw no change of the policy: %+v", limit, m)
		}
		if again := mustStep(t, trainer, groups, 0); again.RatioDeviationFirst == 0 {
			t.Errorf("microbatches of %d: stale behavior logprobs have deviation 0", limit)
		}
	}
}

// Logprobs are those of the temperature at which the completions were sampled.
func TestFirstRatioIsOneAtTheTemperatureOfSampling(t *testing.T) {
	p := newTiny(t, newDevice(t))
	groups := randomBatch(t, p, rand.New(rand.NewPCG(3, 0)), 2)
	for _, g := range groups {
		for i := range g.Group.Trajectories {
			tr := &g.Group.Trajectories[i]
			tr.LogProbs = score(t, p, g.Group.Prompt, tr.Completion, 0.7)
		}
	}
	for _, temperature := range []float64{0.7, 1} {
		c := rlConfig(1, 100)
		c.Temperature = temperature
		m := mustStep(t, newRL(t, p, nil, c), groups, 0)
		if m.UpdatesMade != 1 || (m.RatioDeviationFirst == 0) != (temperature == 0.7) {
			t.Errorf("sampled at 0.7, trained at %v: %d updates, deviation %v", temperature, m.UpdatesMade, m.RatioDeviationFirst)
		}
	}
}

func TestKLOfThePolicyTowardsItselfIsZero(t *testing.T) {
	dev := newDevice(t)
	p, other := newTiny(t, dev), newTiny(t, dev)
	other.Init(77)
	groups := randomBatch(t, p, rand.New(rand.NewPCG(16, 0)), 3)
	c := rlConfig(1, 60)
	c.KL = 0.1
	if m := mustStep(t, newRL(t, p, p, c), groups, 0); m.KLReference != 0 {
		t.Errorf("KL to itself is %v", m.KLReference)
	}
	if m := mustStep(t, newRL(t, p, other, c), groups, 0); m.KLReference < 0.01 {
		t.Errorf("KL to a policy with other weights is %v", m.KLReference)
	}
}

func TestPolicyTrainerIgnoresOrderOfArrival(t *testing.T) {
	const seed = 2
	t.Log("seed", seed)
	dev := newDevice(t)
	train := func(order int) string {
		p := newTiny(t, dev)
		groups := randomBatch(t, p, rand.New(rand.NewPCG(seed, 0)), 5)
		rand.New(rand.NewPCG(seed, uint64(order))).Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
		mustStep(t, newRL(t, p, nil, rlConfig(2, 40)), groups, 0.01)
		return digest(t, p)
	}
	want := train(0)
	for order := 1; order <= 3; order++ {
		if got := train(order); got != want {
			t.Errorf("order %d ends at digest %.12s, want %.12s", order, got, want)
		}
	}
}

func TestPolicyTrainerGradientIgnoresMicrobatches(t *testing.T) {
	const seed = 4
	t.Log("seed", seed)
	dev := newDevice(t)
	for _, normalization := range []LossNormalization{TokenMean, SequenceMean} {
		gradient := func(limit int) (RLMetrics, []float32) {
			p := newTiny(t, dev)
			c := rlConfig(1, limit)
			c.LossNormalization = normalization
			trainer := newRL(t, p, nil, c)
			m := mustStep(t, trainer, randomBatch(t, p, rand.New(rand.NewPCG(seed, 0)), 5), 0)
			return m, trainer.gradient(t)
		}
		m, want := gradient(1000)
		if m.Microbatches != 1 {
			t.Fatalf("%d microbatches of the whole batch", m.Microbatches)
		}
		for _, limit := range []int{12, 25, 60} {
			m, got := gradient(limit)
			if m.Microbatches < 2 {
				t.Errorf("one microbatch at a limit of %d", limit)
			}
			if d := distance(got, want); d > devicetest.Tolerance(dev, gradientTolerance, 5e-3) {
				t.Errorf("%s mean, microbatches of %d: gradient is off by %v of its norm", normalization, limit, d)
			}
		}
	}
}

// A group of equal rewards is left out of the passes, yet its tokens count in
// the mean: training it with its zero advantages gives the same gradient.
func TestLeavingEqualRewardsOutChangesNoGradient(t *testing.T) {
	const seed = 6
	t.Log("seed", seed)
	p := newTiny(t, newDevice(t))
	groups := randomBatch(t, p, rand.New(rand.NewPCG(seed, 0)), 6)
	trainer := newRL(t, p, nil, rlConfig(1, 1000))
	m := mustStep(t, trainer, groups, 0)
	got := trainer.gradient(t)
	if m.GroupsAllRight != 2 || m.TokensPassed >= m.Tokens {
		t.Fatalf("no group was left out: %+v", m)
	}
	batch, err := trainer.config.credit(groups)
	if err != nil {
		t.Fatal(err)
	}
	for i := range batch {
		batch[i].trained = true
	}
	if _, err := trainer.update(trainer.config.newMinibatch(batch), 0); err != nil {
		t.Fatal(err)
	}
	if d := distance(got, trainer.gradient(t)); d > gradientTolerance {
		t.Errorf("gradient is off by %v of its norm", d)
	}
}

func TestNoUpdateWithoutDifferentRewards(t *testing.T) {
	p := newTiny(t, newDevice(t))
	trainer := newRL(t, p, nil, rlConfig(2, 1000))
	groups := randomBatch(t, p, rand.New(rand.NewPCG(8, 0)), 4)
	for _, g := range groups {
		for i := range g.Rewards {
			g.Rewards[i] = -1
		}
	}
	before := digest(t, p)
	m := mustStep(t, trainer, groups, 0.01)
	if m.UpdatesMade != 0 || m.UpdatesEmpty != 2 || m.GroupsAllWrong != 4 || m.RatioMin != 1 || m.RatioMax != 1 {
		t.Errorf("metrics %+v", m)
	}
	if trainer.Optimizer().Updates() != 0 || digest(t, p) != before {
		t.Error("an update was made")
	}
}

// Trajectories whose verifier failed are as if they had not been sampled.
func TestFailedVerifiersAreLeftOut(t *testing.T) {
	dev := newDevice(t)
	train := func(change func(g *RewardedGroup)) (RLMetrics, string) {
		p := newTiny(t, dev)
		groups := randomBatch(t, p, rand.New(rand.NewPCG(12, 0)), 3)
		change(&groups[0])
		m := mustStep(t, newRL(t, p, nil, rlConfig(1, 40)), groups, 0.01)
		return m, digest(t, p)
	}
	failed, got := train(func(g *RewardedGroup) {
		g.Counted[4], g.Rewards[4] = false, float32(math.NaN())
	})
	absent, want := train(func(g *RewardedGroup) {
		g.Group.Trajectories = slices.Delete(g.Group.Trajectories, 4, 5)
		g.Rewards, g.Counted = slices.Delete(g.Rewards, 4, 5), slices.Delete(g.Counted, 4, 5)
	})
	if got != want {
		t.Errorf("digest %.12s with a failed verifier, %.12s without the trajectory", got, want)
	}
	if failed.Excluded != 1 {
		t.Errorf("%d trajectories excluded, want 1", failed.Excluded)
	}
	if failed.Excluded = 0; failed != absent {
		t.Errorf("metrics %+v with a failed verifier, %+v without the trajectory", failed, absent)
	}
}

// The gradient along a random direction is the difference of losses on both
// sides of the weights, with every term of the loss in play.
func TestPolicyTrainerGradientByFiniteDifferences(t *testing.T) {
	const seed = 10
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dev := newDevice(t)
	if dev.Info().Compute != kernels.Float32 {
		t.Skip("differences need weights that are not rounded")
	}
	p, reference := newTiny(t, dev), newTiny(t, dev)
	reference.Init(77)
	groups := randomBatch(t, p, r, 4)
	disturb(groups, r) // within the clip for the most part
	c := rlConfig(1, 60)
	c.KL, c.DualClip, c.LossNormalization = 0.3, 3, SequenceMean
	trainer := newRL(t, p, reference, c)

	compareSlope(t, "policy", p, trainer.workspace, r, func() float64 { return mustStep(t, trainer, groups, 0).Loss })
}

// On a problem whose completions are single tokens, GRPO finds the rewarded
// one. Completions are drawn by inversion from the policy's own distribution.
func TestPolicyTrainerLearnsABandit(t *testing.T) {
	const rewarded, groupSize = 5, 16
	p := newTiny(t, newDevice(t))
	trainer := newRL(t, p, nil, rlConfig(1, 64))
	prompt := []int32{1, 2}
	share := func(ids []int32) float64 {
		n := 0
		for _, id := range ids {
			if id == rewarded {
				n++
			}
		}
		return float64(n) / float64(len(ids))
	}
	var drawn []int32
	for step := range 60 {
		group := RewardedGroup{Group: trajectory.Group{ID: fmt.Sprint("step-", step), Prompt: prompt}}
		drawn = nil
		logprobs := distribution(t, p, prompt)
		for i := range groupSize {
			id := draw(logprobs, kernels.Uniform(21, int32(step), int32(i), 0))
			drawn = append(drawn, id)
			reward := float32(-1)
			if id == rewarded {
				reward = 1
			}
			group.Group.Trajectories = append(group.Group.Trajectories, trajectory.Trajectory{
				Index: i, Completion: []int32{id}, LogProbs: []float32{logprobs[id]}, Finish: trajectory.FinishStop,
			})
			group.Rewards, group.Counted = append(group.Rewards, reward), append(group.Counted, true)
		}
		m := mustStep(t, trainer, []RewardedGroup{group}, 0.01)
		if m.RatioDeviationFirst != 0 {
			t.Fatalf("step %d: first ratios deviate by %v", step, m.RatioDeviationFirst)
		}
	}
	if probability := math.Exp(float64(distribution(t, p, prompt)[rewarded])); probability < 0.95 {
		t.Errorf("probability of the rewarded token is %v, last group's share %v", probability, share(drawn))
	}
}

// distribution returns the logprob of every token after prompt.
func distribution(t *testing.T, p *policy.Policy, prompt []int32) []float32 {
	t.Helper()
	logprobs := make([]float32, vocab)
	for id := range logprobs {
		logprobs[id] = score(t, p, prompt, []int32{int32(id)}, 1)[0]
	}
	return logprobs
}

// draw returns the first token whose cumulative probability exceeds u.
func draw(logprobs []float32, u float32) int32 {
	sum := 0.0
	for id, lp := range logprobs {
		if sum += math.Exp(float64(lp)); sum > float64(u) {
			return int32(id)
		}
	}
	return int32(len(logprobs) - 1)
}

func TestEntropyBonusRaisesEntropy(t *testing.T) {
	p := newTiny(t, newDevice(t))
	groups := randomBatch(t, p, rand.New(rand.NewPCG(14, 0)), 3)
	for _, g := range groups {
		for i := range g.Rewards {
			g.Rewards[i] = 1
		}
	}
	c := rlConfig(1, 60)
	c.EntropyCoef = 0.1
	trainer := newRL(t, p, nil, c)
	before := mustStep(t, trainer, groups, 0).EntropyMean
	for range 30 {
		mustStep(t, trainer, groups, 0.003)
	}
	if after := mustStep(t, trainer, groups, 0).EntropyMean; after < before+0.2 || after > math.Log(vocab) {
		t.Errorf("entropy went from %v to %v, largest possible %v", before, after, math.Log(vocab))
	}
}

func TestPolicyTrainerRefusesFaultyGroups(t *testing.T) {
	p := newTiny(t, newDevice(t))
	trainer := newRL(t, p, nil, rlConfig(1, 16))
	before := digest(t, p)
	anything := errors.New("any error")
	for name, c := range map[string]struct {
		change func(g *RewardedGroup)
		want   error
	}{
		"missing reward":     {func(g *RewardedGroup) { g.Rewards = g.Rewards[1:] }, anything},
		"missing verdict":    {func(g *RewardedGroup) { g.Counted = g.Counted[1:] }, anything},
		"empty prompt":       {func(g *RewardedGroup) { g.Group.Prompt = nil }, anything},
		"empty completion":   {func(g *RewardedGroup) { g.Group.Trajectories[0].Completion = nil }, anything},
		"missing logprob":    {func(g *RewardedGroup) { g.Group.Trajectories[0].LogProbs = nil }, anything},
		"unsorted":           {func(g *RewardedGroup) { slices.Reverse(g.Group.Trajectories) }, anything},
		"same id":            {func(g *RewardedGroup) { g.Group.ID = "group-b" }, anything},
		"reward not finite":  {func(g *RewardedGroup) { g.Rewards[1] = float32(math.Inf(1)) }, ErrNotFinite},
		"logprob not finite": {func(g *RewardedGroup) { g.Group.Trajectories[0].LogProbs[0] = float32(math.NaN()) }, ErrNotFinite},
		"prompt too long":    {func(g *RewardedGroup) { g.Group.Prompt = make([]int32, 16) }, ErrOverBudget},
	} {
		groups := randomBatch(t, p, rand.New(rand.NewPCG(15, 0)), 2)
		c.change(&groups[0])
		if _, err := trainer.Step(groups, 0.01); err == nil || c.want != anything && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	if digest(t, p) != before {
		t.Error("a refused batch changed the weights")
	}
}

func TestRLConfigReportsEveryFault(t *testing.T) {
	c := RLConfig{ClipLow: -1, ClipHigh: -1, DualClip: 0.5, KL: -1, EntropyCoef: -1, LossNormalization: "batch"}
	c.Optimizer = DefaultRLOptimizer()
	joined, ok := c.Validate().(interface{ Unwrap() []error })
	// The five weights and bounds, temperature, updates, epochs, tokens, normalization.
	if !ok || len(joined.Unwrap()) != 10 {
		t.Errorf("want 9 faults, have: %v", c.Validate())
	}
	if err := DefaultRLConfig().Validate(); err != nil {
		t.Errorf("default: %v", err)
	}
	p := newTiny(t, newDevice(t))
	if _, err := NewPolicyTrainer(Networks{Policy: p, Reference: p}, DefaultRLConfig()); err == nil {
		t.Error("a reference without a penalty was accepted")
	}
	c = DefaultRLConfig()
	c.KL = 0.1
	if _, err := NewPolicyTrainer(Networks{Policy: p}, c); err == nil {
		t.Error("a penalty without a reference was accepted")
	}
}

// A step queues its updates without waiting for them, as many as the optimizer
// takes: weights are those of updates that are waited for one by one.
func TestQueuedUpdatesOfAStepAreTheSame(t *testing.T) {
	const seed, updates = 21, 30
	t.Log("seed", seed)
	dev := newDevice(t)
	c := rlConfig(updates, 60)
	p, q := newTiny(t, dev), newTiny(t, dev)
	groups := randomBatch(t, p, rand.New(rand.NewPCG(seed, 0)), updates)
	m := mustStep(t, newRL(t, p, nil, c), groups, 0.01)
	trainer, made := newRL(t, q, nil, c), 0
	batch, err := c.credit(groups)
	if err != nil {
		t.Fatal(err)
	}
	for _, mini := range c.minibatches(batch, updates) {
		if len(mini.microbatches) == 0 {
			continue
		}
		if _, err := trainer.update(mini, 0.01); err != nil {
			t.Fatal(err)
		}
		made++
	}
	if made <= maxQueued || m.UpdatesMade != made || digest(t, p) != digest(t, q) {
		t.Errorf("queued: %d updates, digest %.12s; one by one: %d, %.12s", m.UpdatesMade, digest(t, p), made, digest(t, q))
	}
}
