package learner

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/octorl/octorl/internal/devicetest"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

func criticConfig(updates int) *CriticConfig {
	c := DefaultCriticConfig()
	c.UpdatesPerBatch = updates
	return &c
}

// newTinyCritic returns a critic of p whose values are not 0.
func newTinyCritic(t *testing.T, p *policy.Policy) *policy.Policy {
	t.Helper()
	critic, err := p.NewCritic()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(critic.Free)
	weights := readWeights(t, critic)
	for _, x := range critic.Tensors() {
		if x.Name == "score.weight" {
			for i := range critic.Config().Hidden {
				weights[x.Offset+i] = 0.2 * float32(i%5-2)
			}
		}
	}
	critic.SetWeights(weights)
	return critic
}

func newPPO(t *testing.T, p, reference, critic *policy.Policy, c RLConfig) *PolicyTrainer {
	t.Helper()
	trainer, err := NewPolicyTrainer(Networks{Policy: p, Reference: reference, Critic: critic}, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trainer.Free)
	return trainer
}

// ppoConfig is the default setting with a critic and other sizes.
func ppoConfig(updates, microbatchTokens int) RLConfig {
	c := rlConfig(updates, microbatchTokens)
	c.Critic = criticConfig(updates)
	return c
}

// appraisedArray returns one array of what the critic left of the last batch.
func appraisedArray(t *testing.T, trainer *PolicyTrainer, b kernels.Buffer, n int) []float32 {
	t.Helper()
	values := make([]float32, n)
	trainer.dev.Download(values, b.Slice(0, n))
	if err := trainer.dev.Wait(trainer.dev.Mark()); err != nil {
		t.Fatal(err)
	}
	return values
}

// With values of 0, nothing discounted and nothing whitened, the advantage of
// every token is its completion's reward: the policy's gradient is that of
// group credit with those advantages, and no group is left out.
func TestWithoutValuesTheRewardIsTheAdvantage(t *testing.T) {
	const seed = 21
	t.Log("seed", seed)
	p := newTiny(t, newDevice(t))
	groups := randomBatch(t, p, rand.New(rand.NewPCG(seed, 0)), 6)
	critic, err := p.NewCritic()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(critic.Free)
	c := ppoConfig(1, 40)
	c.Critic.Whiten = false
	trainer := newPPO(t, p, nil, critic, c)
	m := mustStep(t, trainer, groups, 0)
	got := trainer.gradient(t)
	if m.TokensPassed != m.Tokens || m.GroupsAllRight != 2 || m.ValueMean != 0 || m.ReturnMean == 0 {
		t.Errorf("metrics %+v", m)
	}

	plain := newRL(t, p, nil, rlConfig(1, 40))
	batch, err := plain.config.credit(groups)
	if err != nil {
		t.Fatal(err)
	}
	for i := range batch {
		batch[i].trained, batch[i].advantages = true, batch[i].rewards
	}
	if _, err := plain.update(plain.config.newMinibatch(batch), 0); err != nil {
		t.Fatal(err)
	}
	if want := plain.gradient(t); !slices.Equal(got, want) {
		t.Errorf("gradient is off by %v of its norm", distance(got, want))
	}
}

// Values, advantages and returns are those of each completion computed by itself,
// in the order of groups' ids, however the batch is cut.
func TestAppraisalIsOfEveryToken(t *testing.T) {
	const seed = 22
	t.Log("seed", seed)
	dev := newDevice(t)
	p, reference := newTiny(t, dev), newTiny(t, dev)
	reference.Init(77)
	critic := newTinyCritic(t, p)
	groups := randomBatch(t, p, rand.New(rand.NewPCG(seed, 0)), 4)
	groups[1].Counted[2] = false
	c := ppoConfig(2, 1000)
	c.KL, c.Critic.Gamma, c.Critic.Lambda, c.Critic.Whiten = 0.2, 0.9, 0.8, false

	var values, advantages, returns []float32
	for _, g := range groups {
		for i, tr := range g.Group.Trajectories {
			if !g.Counted[i] {
				continue
			}
			v := valuesOf(t, critic, g.Group.Prompt, tr.Completion)
			ref := score(t, reference, g.Group.Prompt, tr.Completion, 1)
			a, next := make([]float32, len(v)), 0.0
			for k := len(v) - 1; k >= 0; k-- {
				delta := -0.2*float64(tr.LogProbs[k]-ref[k]) - float64(v[k])
				if k == len(v)-1 {
					delta += float64(g.Rewards[i])
				} else {
					delta += 0.9 * float64(v[k+1])
				}
				next = delta + 0.9*0.8*next
				a[k] = float32(next)
				returns = append(returns, 0)
			}
			for k := range a {
				returns[len(values)+k] = a[k] + v[k]
			}
			values, advantages = append(values, v...), append(advantages, a...)
		}
	}
	for _, limit := range []int{12, 40, 1000} {
		c.MicrobatchTokens = limit
		trainer := newPPO(t, p, reference, critic, c)
		slices.Reverse(groups)
		mustStep(t, trainer, groups, 0)
		n := len(values)
		if got := appraisedArray(t, trainer, trainer.critic.all.value, n); !slices.Equal(got, values) {
			t.Errorf("microbatches of %d: values %v, want %v", limit, got, values)
		}
		if d := distance(appraisedArray(t, trainer, trainer.critic.all.advantage, n), advantages); d > 1e-6 {
			t.Errorf("microbatches of %d: advantages are off by %v", limit, d)
		}
		if d := distance(appraisedArray(t, trainer, trainer.critic.all.returns, n), returns); d > 1e-6 {
			t.Errorf("microbatches of %d: returns are off by %v", limit, d)
		}
	}
}

// valuesOf returns the value of every token of a completion, computed by itself.
func valuesOf(t *testing.T, critic *policy.Policy, prompt, completion []int32) []float32 {
	t.Helper()
	pass, err := critic.NewPass(policy.PassLimits{Tokens: 64, Segments: 2, Predictions: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer pass.Free()
	pass.Values(policy.PackGroups([]policy.PromptCompletions{{Prompt: prompt, Completions: [][]int32{completion}}}))
	values := make([]float32, len(completion))
	critic.Device().Download(values, pass.Value)
	if err := critic.Device().Wait(critic.Device().Mark()); err != nil {
		t.Fatal(err)
	}
	return values
}

func TestCriticIgnoresOrderOfArrival(t *testing.T) {
	const seed = 23
	t.Log("seed", seed)
	dev := newDevice(t)
	train := func(order int) string {
		p := newTiny(t, dev)
		critic := newTinyCritic(t, p)
		groups := randomBatch(t, p, rand.New(rand.NewPCG(seed, 0)), 5)
		rand.New(rand.NewPCG(seed, uint64(order))).Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
		m := mustStep(t, newPPO(t, p, nil, critic, ppoConfig(2, 40)), groups, 0.01)
		if m.RatioDeviationFirst != 0 || m.CriticUpdates != 2 || m.UpdatesMade != 2 {
			t.Errorf("metrics %+v", m)
		}
		return digest(t, p) + digest(t, critic)
	}
	want := train(0)
	for order := 1; order <= 3; order++ {
		if got := train(order); got != want {
			t.Errorf("order %d ends at digest %.12s, want %.12s", order, got, want)
		}
	}
}

func TestGradientsWithACriticIgnoreMicrobatches(t *testing.T) {
	const seed = 24
	t.Log("seed", seed)
	dev := newDevice(t)
	gradients := func(limit int) (ofPolicy, ofCritic []float32) {
		p := newTiny(t, dev)
		groups := randomBatch(t, p, rand.New(rand.NewPCG(seed, 0)), 5)
		trainer := newPPO(t, p, nil, newTinyCritic(t, p), ppoConfig(1, limit))
		mustStep(t, trainer, groups, 0)
		return trainer.gradient(t), trainer.critic.gradient(t)
	}
	wantPolicy, wantCritic := gradients(1000)
	for _, limit := range []int{12, 25, 60} {
		ofPolicy, ofCritic := gradients(limit)
		tolerance := devicetest.Tolerance(dev, gradientTolerance, 5e-3)
		if d := distance(ofPolicy, wantPolicy); d > tolerance {
			t.Errorf("microbatches of %d: the policy's gradient is off by %v of its norm", limit, d)
		}
		if d := distance(ofCritic, wantCritic); d > tolerance {
			t.Errorf("microbatches of %d: the critic's gradient is off by %v of its norm", limit, d)
		}
	}
}

// The gradients along a random direction are the differences of the losses on
// both sides of the weights, with every term of the losses in play.
func TestGradientsWithACriticByFiniteDifferences(t *testing.T) {
	const seed = 25
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dev := newDevice(t)
	if dev.Info().Compute != kernels.Float32 {
		t.Skip("differences need weights that are not rounded")
	}
	p, reference := newTiny(t, dev), newTiny(t, dev)
	reference.Init(77)
	critic := newTinyCritic(t, p)
	groups := randomBatch(t, p, r, 4)
	disturb(groups, r)
	c := ppoConfig(1, 60)
	c.ClipLow, c.ClipHigh = 0.9, 9 // differences across the bend would not tell
	c.KL, c.DualClip, c.Critic.Lambda = 0.3, 12, 0.9
	trainer := newPPO(t, p, reference, critic, c)
	mustStep(t, trainer, groups, 0)
	// Values as the step began, the bound's center, apart from the present ones.
	old := appraisedArray(t, trainer, trainer.critic.all.value, trainer.critic.all.value.Len())
	for i := range old {
		old[i] += float32(r.NormFloat64())
	}
	dev.Upload(trainer.critic.all.value, old)
	batch, err := trainer.config.credit(groups)
	if err != nil {
		t.Fatal(err)
	}
	mini := trainer.config.newMinibatch(batch)
	compareSlope(t, "policy", p, trainer.workspace, r, func() float64 {
		u, err := trainer.update(mini, 0)
		if err != nil {
			t.Fatal(err)
		}
		return u.sum(kernels.StatLoss)
	})
	compareSlope(t, "critic", critic, trainer.critic.workspace, r, func() float64 {
		u, err := trainer.critic.update(mini, &trainer.host, 0)
		if err != nil {
			t.Fatal(err)
		}
		loss, clipped := 0.0, 0.0
		for _, s := range u.stats {
			loss += float64(s[kernels.StatValueLoss])
			clipped += float64(s[kernels.StatValueClipped])
		}
		if clipped < 0.1 || clipped > 0.9 {
			t.Errorf("clipping stops the gradient of a share %v of the tokens", clipped)
		}
		return loss
	})
}

// The reward of a completion is told by its first token, at random whether it is
// right: the critic learns to foresee it from the token on, and not before.
func TestCriticLearnsToPredictRewards(t *testing.T) {
	p := newTiny(t, newDevice(t))
	critic, err := p.NewCritic()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(critic.Free)
	groups := randomBatch(t, p, rand.New(rand.NewPCG(26, 0)), 4)
	for _, g := range groups {
		for i, tr := range g.Group.Trajectories {
			g.Rewards[i] = 1 - 2*float32(tr.Completion[0]%2)
		}
	}
	c := ppoConfig(2, 200)
	c.Critic.LearningRateFactor = 1e6
	trainer := newPPO(t, p, nil, critic, c)
	first := mustStep(t, trainer, groups, 1e-8)
	var last RLMetrics
	for range 60 {
		last = mustStep(t, trainer, groups, 1e-8)
	}
	if first.ExplainedVariance != 0 || last.ExplainedVariance < 0.6 || last.ValueLoss > 0.4*first.ValueLoss {
		t.Errorf("explained variance went from %v to %v, the loss from %v to %v",
			first.ExplainedVariance, last.ExplainedVariance, first.ValueLoss, last.ValueLoss)
	}
	if math.Abs(last.ValueMean-last.ReturnMean) > 0.1 {
		t.Errorf("the mean value is %v, the mean return %v", last.ValueMean, last.ReturnMean)
	}
}

// PPO finds the rewarded token among single-token completions, as GRPO does,
// but from one completion a problem, for which GRPO has no advantage.
func TestPolicyTrainerWithACriticLearnsABandit(t *testing.T) {
	const rewarded, numGroups = 5, 16
	p := newTiny(t, newDevice(t))
	p.Init(11) // near uniform, so that each token is drawn
	critic, err := p.NewCritic()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(critic.Free)
	trainer := newPPO(t, p, nil, critic, ppoConfig(1, 64))
	prompt := []int32{1, 2}
	for step := range 60 {
		var groups []RewardedGroup
		logprobs := distribution(t, p, prompt)
		for i := range numGroups {
			id := draw(logprobs, kernels.Uniform(31, int32(step), int32(i), 0))
			reward := float32(-1)
			if id == rewarded {
				reward = 1
			}
			groups = append(groups, RewardedGroup{
				Group: trajectory.Group{ID: fmt.Sprint("group-", i), Prompt: prompt, Trajectories: []trajectory.Trajectory{
					{Completion: []int32{id}, LogProbs: []float32{logprobs[id]}, Finish: trajectory.FinishStop},
				}},
				Rewards: []float32{reward}, Counted: []bool{true},
			})
		}
		m := mustStep(t, trainer, groups, 0.01)
		if m.RatioDeviationFirst != 0 {
			t.Fatalf("step %d: first ratios deviate by %v", step, m.RatioDeviationFirst)
		}
	}
	if probability := math.Exp(float64(distribution(t, p, prompt)[rewarded])); probability < 0.95 {
		t.Errorf("probability of the rewarded token is %v", probability)
	}
}

// Four steps give the same policy and critic, bit for bit, as two, a checkpoint,
// and two more in a new trainer, also where there are master weights.
func TestResumedTrainingWithACriticIsBitEqual(t *testing.T) {
	dev := newDevice(t)
	devices := map[string]kernels.Device{"float32": dev, "master weights": masterDevice{dev}}
	if dev.Info().Compute != kernels.Float32 {
		devices = map[string]kernels.Device{"its own master weights": dev}
	}
	for name, dev := range devices {
		t.Run(name, func(t *testing.T) { resumeCritic(t, dev) })
	}
}

func resumeCritic(t *testing.T, dev kernels.Device) {
	steps := func(trainer *PolicyTrainer, from, to int) {
		for step := from; step <= to; step++ {
			groups := randomBatch(t, trainer.optimizer.policy, rand.New(rand.NewPCG(27, uint64(step))), 3)
			mustStep(t, trainer, groups, 0.003)
		}
	}
	through := newTiny(t, dev)
	values := newTinyCritic(t, through)
	steps(newPPO(t, through, nil, values, ppoConfig(2, 40)), 1, 4)

	stopped := newTiny(t, dev)
	first := newPPO(t, stopped, nil, newTinyCritic(t, stopped), ppoConfig(2, 40))
	steps(first, 1, 2)
	dir := t.TempDir()
	saveCheckpoint(t, filepath.Join(dir, "policy"), stopped, first.Optimizer(), Counters{Step: 2})
	saveCheckpoint(t, filepath.Join(dir, "critic"), first.critic.optimizer.policy, first.CriticOptimizer(), Counters{Step: 2})

	p, err := policy.Load(dev, filepath.Join(dir, "policy"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Free)
	critic, err := policy.LoadCritic(dev, filepath.Join(dir, "critic"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(critic.Free)
	second := newPPO(t, p, nil, critic, ppoConfig(2, 40))
	for name, o := range map[string]*Optimizer{"policy": second.Optimizer(), "critic": second.CriticOptimizer()} {
		if o.ownsMaster() {
			dev.Fill(o.master, 0) // the checkpoint's weights alone do not give them
		}
		if c, err := LoadState(filepath.Join(dir, name), o); err != nil || c.Updates != 4 {
			t.Fatalf("%s: %+v, %v", name, c, err)
		}
	}
	steps(second, 3, 4)
	if got, want := digest(t, p)+digest(t, critic), digest(t, through)+digest(t, values); got != want {
		t.Errorf("resumed training ends at digests %s, uninterrupted at %s", got, want)
	}
}

// Each epoch goes through all minibatches of the batch.
func TestEpochsGoThroughTheBatchAgain(t *testing.T) {
	p := newTiny(t, newDevice(t))
	groups := randomBatch(t, p, rand.New(rand.NewPCG(28, 0)), 4)
	c := ppoConfig(2, 40)
	c.Epochs, c.Critic.UpdatesPerBatch = 3, 4
	trainer := newPPO(t, p, nil, newTinyCritic(t, p), c)
	if m := mustStep(t, trainer, groups, 0.003); m.UpdatesMade != 6 || m.CriticUpdates != 12 || m.RatioDeviationFirst != 0 {
		t.Errorf("metrics %+v", m)
	}
}

// A larger batch after a smaller one gets its memory; whatever fails then leaves
// nothing behind.
func TestAppraisalGrows(t *testing.T) {
	dev := &limitedDevice{Device: newDevice(t), numLeft: 1 << 20}
	p := newTiny(t, dev)
	trainer := newPPO(t, p, nil, newTinyCritic(t, p), ppoConfig(1, 60))
	small := randomBatch(t, p, rand.New(rand.NewPCG(29, 0)), 2)
	large := randomBatch(t, p, rand.New(rand.NewPCG(29, 0)), 8)
	live := dev.numLive
	mustStep(t, trainer, small, 0.003)
	held := dev.numLive - live
	mustStep(t, trainer, large, 0.003)
	mustStep(t, trainer, small, 0.003)
	if got := dev.numLive - live; got != held {
		t.Errorf("%d buffers for a batch, %d for a larger one", held, got)
	}
	huge := randomBatch(t, p, rand.New(rand.NewPCG(29, 0)), 24)
	dev.numLeft = 3
	if _, err := trainer.Step(huge, 0.003); !errors.Is(err, kernels.ErrNoMemory) || dev.numLive != live {
		t.Errorf("error %v, %d buffers left", err, dev.numLive-live)
	}
}

func TestCriticConfigReportsEveryFault(t *testing.T) {
	c := CriticConfig{LearningRateFactor: -1, Gamma: 2, Lambda: -1, ValueClip: -1}
	joined, ok := c.Validate().(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 5 {
		t.Errorf("want 5 faults, have: %v", c.Validate())
	}
	if err := DefaultCriticConfig().Validate(); err != nil {
		t.Errorf("default: %v", err)
	}
	p := newTiny(t, newDevice(t))
	if _, err := NewPolicyTrainer(Networks{Policy: p, Critic: p}, DefaultRLConfig()); err == nil {
		t.Error("a critic without its setting was accepted")
	}
	if _, err := NewPolicyTrainer(Networks{Policy: p}, ppoConfig(1, 64)); err == nil {
		t.Error("a setting without its critic was accepted")
	}
}
