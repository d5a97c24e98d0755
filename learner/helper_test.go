package learner

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/octorl/octorl/internal/devicetest"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// vocab is the number of tokens of the tests' policies.
const vocab = 13

func newDevice(t *testing.T) kernels.Device {
	t.Helper()
	return devicetest.Open(t)
}

// newTiny returns a policy of two layers with weights large enough that its
// distributions are far from uniform.
func newTiny(t *testing.T, dev kernels.Device) *policy.Policy {
	t.Helper()
	p, err := policy.New(dev, policy.Config{
		Architecture: policy.Llama, Vocab: vocab, Hidden: 16, Layers: 2, FFN: 24,
		Heads:        kernels.Heads{Query: 2, KeyValue: 1, Width: 8},
		MaxPositions: 64, NormEps: 1e-5, Rope: policy.Rope{Theta: 10000}, TieEmbeddings: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Init(11)
	weights := readWeights(t, p)
	for i := range p.DecayedParameters() {
		weights[i] *= 8
	}
	p.SetWeights(weights)
	t.Cleanup(p.Free)
	return p
}

func readWeights(t *testing.T, p *policy.Policy) []float32 {
	t.Helper()
	w, err := p.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func digest(t *testing.T, p *policy.Policy) string {
	t.Helper()
	return policy.Digest(readWeights(t, p))
}

func newMid(t *testing.T, p *policy.Policy, c MidConfig) *MidTrainer {
	t.Helper()
	trainer, err := NewMidTrainer(p, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trainer.Free)
	return trainer
}

func newRL(t *testing.T, p, reference *policy.Policy, c RLConfig) *PolicyTrainer {
	t.Helper()
	trainer, err := NewPolicyTrainer(Networks{Policy: p, Reference: reference}, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trainer.Free)
	return trainer
}

// gradient returns what the last step left in the gradient arena.
func (w *workspace) gradient(t *testing.T) []float32 {
	t.Helper()
	dev := w.optimizer.policy.Device()
	g := make([]float32, w.gradients.Arena.Len())
	dev.Download(g, w.gradients.Arena)
	if err := dev.Wait(dev.Mark()); err != nil {
		t.Fatal(err)
	}
	return g
}

// distance returns |a−b|/|b| in the Euclidean norm.
func distance(a, b []float32) float64 {
	difference, size := 0.0, 0.0
	for i := range b {
		difference += math.Pow(float64(a[i])-float64(b[i]), 2)
		size += math.Pow(float64(b[i]), 2)
	}
	return math.Sqrt(difference / size)
}

// score returns the logprob of every token of a completion, computed by itself.
func score(t *testing.T, p *policy.Policy, prompt, completion []int32, temperature float32) []float32 {
	t.Helper()
	pass, err := p.NewPass(policy.PassLimits{Tokens: 64, Segments: 2, Predictions: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer pass.Free()
	pass.Forward(policy.PackGroups([]policy.PromptCompletions{{Prompt: prompt, Completions: [][]int32{completion}}}), temperature)
	logprob := make([]float32, len(completion))
	if err := pass.Read(logprob, nil); err != nil {
		t.Fatal(err)
	}
	return logprob
}

func randomTokens(r *rand.Rand, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = r.Int32N(vocab)
	}
	return ids
}

// randomBatch returns numGroups groups of 6 with random tokens and the behavior
// logprobs of p. In every third group all rewards are equal.
func randomBatch(t *testing.T, p *policy.Policy, r *rand.Rand, numGroups int) []RewardedGroup {
	t.Helper()
	groups := make([]RewardedGroup, numGroups)
	for i := range groups {
		g := &groups[i]
		g.Group = trajectory.Group{ID: "group-" + string(rune('a'+i)), Prompt: randomTokens(r, 1+r.IntN(5))}
		for j := range 6 {
			completion := randomTokens(r, 1+r.IntN(7))
			g.Group.Trajectories = append(g.Group.Trajectories, trajectory.Trajectory{
				Index: j, Completion: completion, LogProbs: score(t, p, g.Group.Prompt, completion, 1), Finish: trajectory.FinishStop,
			})
			reward := float32(1)
			if i%3 != 2 && (j == i || r.IntN(2) == 0 && j != i+1) {
				reward = -1
			}
			g.Rewards = append(g.Rewards, reward)
			g.Counted = append(g.Counted, true)
		}
	}
	return groups
}

// gradientTolerance is the relative distance of two gradients that differ in the
// order of float32 sums alone: that of the policy's fixtures.
const gradientTolerance = 1e-5

// update makes one update and waits for it.
func (t *PolicyTrainer) update(mini minibatch, lr float64) (update, error) {
	u := t.queue(mini, lr)
	err := t.finishUpdate(&u)
	return u, err
}

// update makes one update and waits for it.
func (c *critic) update(mini minibatch, host *tokenArrays, lr float64) (valueUpdate, error) {
	u := c.queue(mini, host, lr)
	err := c.finishUpdate(&u)
	return u, err
}

// disturb moves the behavior logprobs of groups, so that ratios are not 1.
func disturb(groups []RewardedGroup, r *rand.Rand) {
	for _, g := range groups {
		for _, tr := range g.Group.Trajectories {
			for i := range tr.LogProbs {
				tr.LogProbs[i] += 0.1 * float32(r.NormFloat64())
			}
		}
	}
}

// compareSlope compares w's gradient of loss, at p's weights, with differences.
func compareSlope(t *testing.T, name string, p *policy.Policy, w *workspace, r *rand.Rand, loss func() float64) {
	t.Helper()
	weights := readWeights(t, p)
	direction := make([]float32, len(weights))
	for i := range direction {
		direction[i] = float32(r.NormFloat64())
	}
	const width = 1e-4
	at := func(side float32) float64 {
		moved := slices.Clone(weights)
		for i := range moved {
			moved[i] += side * width * direction[i]
		}
		p.SetWeights(moved)
		return loss()
	}
	want := (at(1) - at(-1)) / (2 * width)
	at(0)
	got := 0.0
	for i, g := range w.gradient(t) {
		got += float64(g) * float64(direction[i])
	}
	if math.Abs(got-want) > 0.02*math.Abs(want) {
		t.Errorf("%s: gradient along the direction is %v, differences give %v", name, got, want)
	}
}
