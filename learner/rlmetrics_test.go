package learner

import (
	"math"
	"slices"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/rollout/trajectory"
)

// group returns a group whose completion i has lengths[i] tokens and the reward
// rewards[i]; NaN stands for a verifier that failed, and a negative length for
// a completion cut at the cap.
func group(id string, lengths []int, rewards []float32) RewardedGroup {
	g := RewardedGroup{Group: trajectory.Group{ID: id, Prompt: []int32{1}}, Rewards: rewards}
	for i, n := range lengths {
		finish := trajectory.FinishStop
		if n < 0 {
			n, finish = -n, trajectory.FinishLength
		}
		g.Group.Trajectories = append(g.Group.Trajectories, trajectory.Trajectory{
			Index: i, Completion: make([]int32, n), LogProbs: make([]float32, n), Finish: finish,
		})
		g.Counted = append(g.Counted, isFinite(rewards[i]))
	}
	for _, tr := range g.Group.Trajectories {
		for i := range tr.LogProbs {
			tr.LogProbs[i] = -0.5
		}
	}
	return g
}

func TestBatchMetricsByHand(t *testing.T) {
	failed := float32(math.NaN())
	groups := []RewardedGroup{
		group("mixed", []int{2, 4, 6, 9}, []float32{1, -1, failed, failed}),
		group("right", []int{3, 5}, []float32{1, 1}),
		group("wrong", []int{-8, 2}, []float32{-1, -1}),
		group("small", []int{-8, 7}, []float32{1, failed}),
	}
	c := DefaultRLConfig()
	c.Advantage = AdvantageOptions{}
	batch, err := c.credit(groups)
	if err != nil {
		t.Fatal(err)
	}
	want := RLMetrics{
		Groups: 4, Trajectories: 7, Excluded: 3,
		Tokens: 2 + 4 + 3 + 5 + 8 + 2 + 8, TokensPassed: 2 + 4,
		GroupsAllRight: 1, GroupsAllWrong: 1, GroupsTooSmall: 1,
		RewardMean: 1. / 7, Accuracy: 4. / 7,
		AdvantageStd: math.Sqrt(2. / 7), // advantages 1 and −1, and five zeros
		LengthMean:   32. / 7, LengthMeanRight: (2. + 3 + 5 + 8) / 4, TruncationShare: 2. / 7,
		Surprisal: .5,
		RatioMin:  1, RatioMax: 1,
	}
	if got := newSummary(groups, batch).metrics(); got != want {
		t.Errorf("metrics\n%+v, want\n%+v", got, want)
	}
}

// updateWith returns an update of two microbatches with the given statistics.
func updateWith(weight, gradNorm float64, entropy []float32, first, second [kernels.NumPolicyStats]float32) update {
	return update{weight: weight, gradNorm: gradNorm, entropy: entropy, stats: [][kernels.NumPolicyStats]float32{first, second}}
}

func TestUpdateMetricsByHand(t *testing.T) {
	stats := func(loss, low, high, clipped, behavior, reference, deviation float32) [kernels.NumPolicyStats]float32 {
		return [kernels.NumPolicyStats]float32{
			kernels.StatLoss: loss, kernels.StatRatioMin: low, kernels.StatRatioMax: high, kernels.StatClipped: clipped,
			kernels.StatKLBehavior: behavior, kernels.StatKLReference: reference, kernels.StatMaxDeviation: deviation,
		}
	}
	s := newSummary(nil, nil)
	notFinite := updateWith(1, 0, []float32{9}, stats(9, 0, 9, 9, 9, 9, 9), stats(9, 0, 9, 9, 9, 9, 9))
	notFinite.skipped = true
	s.add(notFinite)
	s.add(updateWith(.5, 3, []float32{1, 2, 6}, stats(1, 1, 1, 0, 0, .25, .125), stats(2, 1, 1, 0, 0, .25, .5)))
	s.add(updateWith(.25, 5, []float32{8}, stats(2, .5, 1, .125, .5, 0, 2), stats(3, 1, 1.5, .0625, 0, .25, 2)))
	want := RLMetrics{
		UpdatesMade: 2, UpdatesNotFinite: 1, Microbatches: 6,
		Loss: (3. + 5) / 2, GradNorm: 4, ClipFraction: (.1875 / .25) / 2,
		KLBehavior: (.5 / .25) / 2, KLReference: 1, // .5 of weight .5, then .25 of weight .25
		RatioMin: .5, RatioMax: 1.5, RatioDeviationFirst: .5, EntropyMean: 3,
	}
	if got := s.metrics(); got != want {
		t.Errorf("metrics\n%+v, want\n%+v", got, want)
	}
}

func TestMinibatchWeightsByHand(t *testing.T) {
	batch, err := DefaultRLConfig().credit([]RewardedGroup{
		group("a", []int{2, 4}, []float32{1, -1}),
		group("b", []int{3, 1}, []float32{1, 1}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		normalization LossNormalization
		weights       []float32
		sum           float64
	}{
		{TokenMean, []float32{.1, .1}, .6},             // of 10 tokens, 6 are trained
		{SequenceMean, []float32{1. / 8, 1. / 16}, .5}, // of 4 completions, 2 are
	} {
		m := RLConfig{MicrobatchTokens: 100, LossNormalization: c.normalization}.newMinibatch(batch)
		if len(m.microbatches) != 1 || len(m.microbatches[0]) != 1 {
			t.Fatalf("%s: %d microbatches, want one of one piece", c.normalization, len(m.microbatches))
		}
		if got := m.microbatches[0][0].weights; got[0] != c.weights[0] || got[1] != c.weights[1] {
			t.Errorf("%s: weights %v, want %v", c.normalization, got, c.weights)
		}
		if math.Abs(m.weight-c.sum) > 1e-7 || m.numTokens != 6 {
			t.Errorf("%s: weight %v over %d tokens, want %v over 6", c.normalization, m.weight, m.numTokens, c.sum)
		}
	}
}

// A group above the budget is split by completions; its rest shares the next
// microbatch with the group that follows.
func TestMinibatchSplitsLargeGroups(t *testing.T) {
	batch, err := RLConfig{MicrobatchTokens: 10}.credit([]RewardedGroup{
		group("a", []int{4, 5, 1}, []float32{1, -1, 1}),
		group("b", []int{4, 3}, []float32{1, -1}),
		group("c", []int{4, 5}, []float32{1, -1}),
	})
	if err != nil {
		t.Fatal(err)
	}
	m := RLConfig{MicrobatchTokens: 10, LossNormalization: TokenMean}.newMinibatch(batch)
	var got []string
	for _, pieces := range m.microbatches {
		text := ""
		for _, p := range pieces {
			text += "("
			for _, completion := range p.completions {
				text += string(rune('0' + len(completion)))
			}
			text += ")"
		}
		got = append(got, text)
	}
	if want := []string{"(45)", "(1)(43)", "(45)"}; !slices.Equal(got, want) {
		t.Errorf("microbatches %v, want %v", got, want)
	}
}
