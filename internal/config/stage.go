package config

import (
	"maps"
	"slices"
)

// Stage is one training of the policy: on text where Train is set, by
// reinforcement where RL is. Exactly one of them is.
type Stage struct {
	// Name is unique in the recipe; lower-case letters, digits and hyphens.
	Name string `yaml:"name"`
	// From is the earlier stage whose weights this one starts from; default
	// "", the initial weights.
	From string `yaml:"from"`
	// Train makes the stage one on text.
	Train *Train `yaml:"train,omitempty"`
	// RL makes the stage one of reinforcement learning.
	RL *RL `yaml:"rl,omitempty"`
	// Optimizer starts afresh in every stage.
	Optimizer Optimizer `yaml:"optimizer"`
	// Evaluation is made of the stage's weights in place of the recipe's.
	Evaluation *Evaluation `yaml:"evaluation,omitempty"`
}

// Train is the text part of a stage: next-token prediction on a mixture.
type Train struct {
	// Tokens is the budget of the stage, rounded up to whole batches; default
	// 600000.
	Tokens int64 `yaml:"tokens"`
	// BatchTokens is the tokens of a step; default 2048.
	BatchTokens int `yaml:"batchTokens"`
	// MaxDocumentTokens is where longer documents are cut; default 256.
	MaxDocumentTokens int `yaml:"maxDocumentTokens"`
	// Preset is a published mixture by name, one of PresetNames; default none.
	Preset string `yaml:"preset,omitempty"`
	// EvaluateEvery is the steps between evaluations on held-out problems, made
	// beside the training; default 0, only after the last step.
	EvaluateEvery int `yaml:"evaluateEvery"`
	// Mixture maps sources to their shares of tokens, which sum to 1. A source
	// is one of SourceNames, or a JSON Lines file (.jsonl or .jsonl.gz, a
	// "text" field a row) relative to the working directory. Not beside Preset.
	Mixture map[string]float64 `yaml:"mixture,omitempty"`
}

// Optimizer is AdamW with a learning-rate schedule (arXiv:1711.05101).
type Optimizer struct {
	// LR is the peak learning rate; default 2e-3 for text, 2e-4 for RL.
	LR float64 `yaml:"lr"`
	// Schedule is constant, cosine or linear: the last two go from LR after
	// warm-up to Floor·LR at the stage's last step; default cosine for text,
	// constant for RL.
	Schedule string `yaml:"schedule"`
	// WarmupSteps is the steps over which the rate grows from 0; default 0.
	WarmupSteps int `yaml:"warmupSteps"`
	// Floor is the last rate as a share of LR, 0 to 1; default 0.1.
	Floor float64 `yaml:"floor"`
	// Beta1 is the decay of the first moment an update, in [0, 1); default
	// 0.9.
	Beta1 float64 `yaml:"beta1"`
	// Beta2 is the decay of the second moment an update, in [0, 1); default
	// 0.95.
	Beta2 float64 `yaml:"beta2"`
	// Eps is added to the root of the second moment; default 1e-8.
	Eps float64 `yaml:"eps"`
	// WeightDecay is the share of a weight taken away an update, times the
	// rate; default 0.1.
	WeightDecay float64 `yaml:"weightDecay"`
	// Clip is the largest norm of the gradient; default 1; 0 does not clip.
	Clip float64 `yaml:"clip"`
}

// The values of Optimizer.Schedule.
const (
	ScheduleConstant = "constant"
	ScheduleCosine   = "cosine"
	ScheduleLinear   = "linear"
)

// UnmarshalYAML decodes a stage over the optimizer's defaults.
func (s *Stage) UnmarshalYAML(decode func(any) error) error {
	type plain Stage
	*s = Stage{Optimizer: Optimizer{Floor: 0.1, Beta1: 0.9, Beta2: 0.95, WeightDecay: 0.1, Clip: 1}}
	return decode((*plain)(s))
}

// unshare gives the stage sections of its own: the decoder lets an alias point
// to what its anchor made.
func (s *Stage) unshare() {
	if s.Train != nil {
		t := *s.Train
		t.Mixture = maps.Clone(t.Mixture)
		s.Train = &t
	}
	if s.RL != nil {
		rl := *s.RL
		rl.Levels, rl.Stop = slices.Clone(rl.Levels), slices.Clone(rl.Stop)
		rl.MaxResponseTokens = slices.Clone(rl.MaxResponseTokens)
		if rl.Critic != nil {
			c := *rl.Critic
			rl.Critic = &c
		}
		s.RL = &rl
	}
	if s.Evaluation != nil {
		s.Evaluation = s.Evaluation.unshare()
	}
}

func (s *Stage) fill(levels []int) {
	s.unshare()
	if t := s.Train; t != nil {
		or(&t.Tokens, 600_000)
		or(&t.BatchTokens, 2048)
		or(&t.MaxDocumentTokens, 256)
		or(&s.Optimizer.LR, 2e-3)
		or(&s.Optimizer.Schedule, ScheduleCosine)
	}
	if s.RL != nil {
		s.RL.fill(levels)
		or(&s.Optimizer.LR, 2e-4)
		or(&s.Optimizer.Schedule, ScheduleConstant)
	}
	or(&s.Optimizer.Eps, 1e-8)
	if s.Evaluation != nil {
		s.Evaluation.fill(levels)
	}
}

func (s Stage) validate(v validator, r *Recipe) {
	v.require(nameForm.MatchString(s.Name), "name", nameFault, s.Name)
	switch {
	case s.Train == nil && s.RL == nil:
		v.add("", "has neither train nor rl; add one of them")
	case s.Train != nil && s.RL != nil:
		v.add("rl", "a stage is train or rl, not both; make two stages")
	case s.Train != nil:
		s.Train.validate(v.at("train"), r)
	default:
		s.RL.validate(v.at("rl"), r)
	}
	s.Optimizer.validate(v.at("optimizer"))
	if e := s.Evaluation; e != nil {
		e.validate(v.at("evaluation"), r)
		v.at("evaluation").require(e.Backlog == 0, "backlog", "is of the whole run; set it in the recipe's evaluation")
	}
}

func (t Train) validate(v validator, r *Recipe) {
	v.require(t.Tokens > 0, "tokens", "%d must be over 0", t.Tokens)
	v.atLeast("batchTokens", t.BatchTokens, 1)
	v.atLeast("evaluateEvery", t.EvaluateEvery, 0)
	v.atLeast("maxDocumentTokens", t.MaxDocumentTokens, 2)
	r.requireFits(v, "maxDocumentTokens", t.MaxDocumentTokens)
	t.validateMixture(v)
}

func (o Optimizer) validate(v validator) {
	v.require(o.LR > 0, "lr", "%g must be over 0", o.LR)
	v.oneOf("schedule", o.Schedule, ScheduleConstant, ScheduleCosine, ScheduleLinear)
	v.atLeast("warmupSteps", o.WarmupSteps, 0)
	v.share("floor", o.Floor)
	v.require(o.Beta1 >= 0 && o.Beta1 < 1, "beta1", "%g must be in [0, 1)", o.Beta1)
	v.require(o.Beta2 >= 0 && o.Beta2 < 1, "beta2", "%g must be in [0, 1)", o.Beta2)
	v.require(o.Eps > 0, "eps", "%g must be over 0", o.Eps)
	v.nonNegative("weightDecay", o.WeightDecay)
	v.nonNegative("clip", o.Clip)
}
