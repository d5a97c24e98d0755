package learner

import (
	"errors"
	"fmt"
	"math"
)

// LossNormalization says how token losses become the loss of a minibatch.
type LossNormalization string

const (
	// TokenMean divides by the number of completion tokens in the minibatch,
	// so every token weighs the same (DAPO, arXiv:2503.14476 §3.3).
	TokenMean LossNormalization = "token"
	// SequenceMean takes the mean of each completion, then the mean over
	// completions, so every completion weighs the same (GRPO,
	// arXiv:2402.03300 §4.1).
	SequenceMean LossNormalization = "sequence"
)

// RLConfig is the setting of a PolicyTrainer.
type RLConfig struct {
	ClipLow     float64 // ratios below 1−ClipLow are clipped; default 0.2
	ClipHigh    float64 // ratios above 1+ClipHigh are clipped; default 0.2
	DualClip    float64 // bound of the ratio at negative advantages (arXiv:1912.09729), above 1; default 0, none
	KL          float64 // weight of the penalty towards the reference policy, with a critic a part of the rewards; default 0, none
	EntropyCoef float64 // weight of the entropy bonus; default 0, none
	Temperature float64 // of sampling, and so of logprobs; default 1

	UpdatesPerBatch   int               // optimizer steps a batch is split into, by groups; default 2
	Epochs            int               // times that a step goes through its batch; default 1
	MicrobatchTokens  int               // most packed tokens of one pass; default 8192
	LossNormalization LossNormalization // default TokenMean
	Advantage         AdvantageOptions  // of groups, without a critic; default: divide by the deviation
	Critic            *CriticConfig     // credits tokens by values (PPO); default nil, by the rewards of their group (GRPO)
	Optimizer         OptimizerConfig   // of the policy, and of the critic
}

// DefaultRLConfig returns OctoThinker's setting (arXiv:2506.20512): GRPO with
// advantages divided by the deviation, ratios clipped by 0.2, two updates a
// batch, token mean, temperature 1, no penalty and no bonus.
func DefaultRLConfig() RLConfig {
	return RLConfig{
		ClipLow: 0.2, ClipHigh: 0.2, Temperature: 1,
		UpdatesPerBatch: 2, Epochs: 1, MicrobatchTokens: 8192, LossNormalization: TokenMean,
		Advantage: AdvantageOptions{DivideByDeviation: true},
		Optimizer: DefaultRLOptimizer(),
	}
}

// Validate reports every fault of c, joined.
func (c RLConfig) Validate() error {
	faults := []error{
		inRange("lower clip", c.ClipLow, 0, 1),
		inRange("upper clip", c.ClipHigh, 0, math.MaxFloat32),
		inRange("weight of the KL penalty", c.KL, 0, math.MaxFloat32),
		inRange("weight of the entropy bonus", c.EntropyCoef, 0, math.MaxFloat32),
		inRange("temperature", c.Temperature, 1e-3, 1e3),
		validateMicrobatch(c.MicrobatchTokens),
		c.Optimizer.Validate(),
	}
	if c.DualClip != 0 {
		faults = append(faults, inRange("dual clip", c.DualClip, 1, math.MaxFloat32))
	}
	if c.UpdatesPerBatch < 1 {
		faults = append(faults, fmt.Errorf("updates per batch is %d: use 1 or more", c.UpdatesPerBatch))
	}
	if c.Epochs < 1 {
		faults = append(faults, fmt.Errorf("epochs is %d: use 1 or more", c.Epochs))
	}
	if c.Critic != nil {
		faults = append(faults, c.Critic.Validate())
	}
	if c.LossNormalization != TokenMean && c.LossNormalization != SequenceMean {
		faults = append(faults, fmt.Errorf("loss normalization %q: use token or sequence", c.LossNormalization))
	}
	return errors.Join(faults...)
}

// trainsEqualRewards says whether groups of equal rewards have a gradient.
func (c RLConfig) trainsEqualRewards() bool {
	return c.KL != 0 || c.EntropyCoef != 0 || c.Critic != nil
}
