package learner

import (
	"math"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/rollout/trajectory"
)

// RLMetrics are what one RL step reports. Trajectories whose verifier failed
// are in Excluded and nowhere else. A mean over nothing is 0. A completion is
// right when its reward is above 0.
type RLMetrics struct {
	Groups       int // groups of the batch
	Trajectories int // counted trajectories
	Excluded     int // trajectories whose verifier failed
	Tokens       int // completion tokens of counted trajectories
	TokensPassed int // those in groups that had a part in the gradient

	GroupsAllRight int // groups of equal rewards above 0
	GroupsAllWrong int // groups of equal rewards of 0 or less
	GroupsTooSmall int // groups of fewer than two counted trajectories

	RewardMean      float64 // over counted trajectories
	Accuracy        float64 // share of right completions
	AdvantageStd    float64 // root mean square of the advantages, whose mean is 0; 0 with a critic
	LengthMean      float64 // tokens a completion
	LengthMeanRight float64 // tokens a right completion
	TruncationShare float64 // share of completions that reached the cap
	Surprisal       float64 // mean over tokens of −behavior logprob, nats: estimates the entropy of the policy that drew them

	UpdatesMade      int // optimizer steps
	UpdatesEmpty     int // minibatches without a group to train: no update
	UpdatesNotFinite int // minibatches whose gradient was not finite: no update
	Microbatches     int // passes

	// Of the UpdatesMade, averaged over them. A mean over tokens weighs each as
	// the loss does, and is over the tokens passed.
	Loss         float64 // without the entropy bonus
	GradNorm     float64 // global norm before clipping
	ClipFraction float64 // mean over tokens of: clipping stops the gradient
	KLBehavior   float64 // mean over tokens of r − 1 − log r, nats: KL(behavior‖policy)
	KLReference  float64 // mean over tokens of exp(d) − d − 1, nats: KL(policy‖reference)

	RatioMin            float64 // smallest ratio of the updates made; 1 without any
	RatioMax            float64 // largest ratio of the updates made; 1 without any
	RatioDeviationFirst float64 // largest |policy − behavior logprob| of the first update made
	EntropyMean         float64 // plain mean over its tokens, nats: of the policy as the step began

	// Of the critic, 0 without one: before its updates, means over all tokens
	// that weigh each as the loss does.
	ValueMean         float64
	ReturnMean        float64
	ExplainedVariance float64 // 1 − variance of (return − value) / variance of returns; 0 where returns do not vary

	CriticUpdates          int     // optimizer steps of the critic
	CriticUpdatesNotFinite int     // minibatches whose gradient was not finite: no update
	ValueLoss              float64 // mean over CriticUpdates
	ValueClipFraction      float64 // mean over them of the share of tokens where clipping stops the gradient
	CriticGradNorm         float64 // mean over them of the global norm before clipping
}

// update is what one optimizer step reports. Stats and entropies are written by
// the device.
type update struct {
	weight   float64                           // sum of the weights of its tokens
	stats    [][kernels.NumPolicyStats]float32 // of each microbatch
	entropy  []float32                         // of each token
	gradNorm float64
	skipped  bool
}

func newUpdate(m minibatch) update {
	return update{
		weight:  m.weight,
		stats:   make([][kernels.NumPolicyStats]float32, len(m.microbatches)),
		entropy: make([]float32, m.numTokens),
	}
}

// sum returns the sum of a statistic over the microbatches.
func (u update) sum(stat int) float64 {
	total := 0.0
	for _, s := range u.stats {
		total += float64(s[stat])
	}
	return total
}

// summary gathers the metrics of a step.
type summary struct{ RLMetrics }

// newSummary describes the batch, as it came and as it was credited.
func newSummary(groups []RewardedGroup, batch []credited) *summary {
	s := &summary{RLMetrics{Groups: len(groups), RatioMin: 1, RatioMax: 1}}
	for _, g := range groups {
		for _, counted := range g.Counted {
			if !counted {
				s.Excluded++
			}
		}
	}
	right, tokensRight := 0, 0
	for _, g := range batch {
		s.describe(g)
		for i, tr := range g.trajectories {
			if g.rewards[i] > 0 {
				right++
				tokensRight += len(tr.Completion)
			}
		}
	}
	n := float64(max(s.Trajectories, 1))
	s.RewardMean /= n
	s.AdvantageStd = math.Sqrt(s.AdvantageStd / n)
	s.TruncationShare /= n
	s.Accuracy = float64(right) / n
	s.LengthMean = float64(s.Tokens) / n
	s.Surprisal /= float64(max(s.Tokens, 1))
	s.LengthMeanRight = float64(tokensRight) / float64(max(right, 1))
	return s
}

// describe adds the sums of one group to what newSummary divides.
func (s *summary) describe(g credited) {
	s.Trajectories += len(g.trajectories)
	s.Tokens += g.numTokens
	for _, tr := range g.trajectories {
		for _, lp := range tr.LogProbs {
			s.Surprisal -= float64(lp)
		}
	}
	if g.trained {
		s.TokensPassed += g.numTokens
	}
	switch {
	case len(g.rewards) < 2:
		s.GroupsTooSmall++
	case !g.informative():
		if g.rewards[0] > 0 {
			s.GroupsAllRight++
		} else {
			s.GroupsAllWrong++
		}
	}
	for i, tr := range g.trajectories {
		s.RewardMean += float64(g.rewards[i])
		s.AdvantageStd += float64(g.advantages[i]) * float64(g.advantages[i])
		if tr.Finish == trajectory.FinishLength {
			s.TruncationShare++
		}
	}
}

// add adds an update. Its averages stay sums until metrics is called.
func (s *summary) add(u update) {
	s.Microbatches += len(u.stats)
	if u.skipped {
		s.UpdatesNotFinite++
		return
	}
	if s.UpdatesMade == 0 {
		s.EntropyMean = mean(u.entropy)
		s.RatioMin, s.RatioMax = math.Inf(1), math.Inf(-1)
		for _, stats := range u.stats {
			s.RatioDeviationFirst = max(s.RatioDeviationFirst, float64(stats[kernels.StatMaxDeviation]))
		}
	}
	s.UpdatesMade++
	s.Loss += u.sum(kernels.StatLoss)
	s.GradNorm += u.gradNorm
	s.ClipFraction += u.sum(kernels.StatClipped) / u.weight
	s.KLBehavior += u.sum(kernels.StatKLBehavior) / u.weight
	s.KLReference += u.sum(kernels.StatKLReference) / u.weight
	for _, stats := range u.stats {
		s.RatioMin = min(s.RatioMin, float64(stats[kernels.StatRatioMin]))
		s.RatioMax = max(s.RatioMax, float64(stats[kernels.StatRatioMax]))
	}
}

// metrics returns the metrics when every update has been added.
func (s *summary) metrics() RLMetrics {
	n := float64(max(s.UpdatesMade, 1))
	for _, total := range []*float64{&s.Loss, &s.GradNorm, &s.ClipFraction, &s.KLBehavior, &s.KLReference} {
		*total /= n
	}
	n = float64(max(s.CriticUpdates, 1))
	for _, total := range []*float64{&s.ValueLoss, &s.ValueClipFraction, &s.CriticGradNorm} {
		*total /= n
	}
	return s.RLMetrics
}

// appraised adds what is known of values before they are trained. The weights of
// all tokens sum to 1.
func (s *summary) appraised(stats [kernels.NumValueStats]float32) {
	of := func(stat int) float64 { return float64(stats[stat]) }
	s.ReturnMean = of(kernels.StatReturn)
	s.ValueMean = of(kernels.StatReturn) + of(kernels.StatError)
	variance := of(kernels.StatReturnSquare) - of(kernels.StatReturn)*of(kernels.StatReturn)
	left := of(kernels.StatErrorSquare) - of(kernels.StatError)*of(kernels.StatError)
	if variance > 1e-6*of(kernels.StatReturnSquare) { // else it is rounding
		s.ExplainedVariance = 1 - left/variance
	}
}

// addValues adds an update of the critic.
func (s *summary) addValues(u valueUpdate) {
	if u.skipped {
		s.CriticUpdatesNotFinite++
		return
	}
	s.CriticUpdates++
	s.CriticGradNorm += u.gradNorm
	for _, stats := range u.stats {
		s.ValueLoss += float64(stats[kernels.StatValueLoss])
		s.ValueClipFraction += float64(stats[kernels.StatValueClipped])
	}
}
