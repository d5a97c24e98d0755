package config

// RL is the reinforcement part of a stage. A step samples GroupsPerStep
// problems, Samples completions each, and makes UpdatesPerStep updates of
// GroupsPerStep/UpdatesPerStep groups, Epochs times over.
type RL struct {
	// Steps is the number of steps; default 60.
	Steps int `yaml:"steps"`
	// Algorithm is grpo (arXiv:2402.03300), the default, which compares the
	// completions of a problem, or ppo (arXiv:1707.06347), which has a critic.
	Algorithm string `yaml:"algorithm"`
	// Critic sets the critic; for algorithm ppo only.
	Critic *Critic `yaml:"critic,omitempty"`
	// GroupsPerStep is the problems a step, a multiple of UpdatesPerStep;
	// default 16.
	GroupsPerStep int `yaml:"groupsPerStep"`
	// Samples is the completions of a problem, at least 2, with ppo 1; default 16.
	Samples int `yaml:"samples"`
	// UpdatesPerStep is the optimizer's updates a step and epoch; default 2.
	UpdatesPerStep int `yaml:"updatesPerStep"`
	// Epochs is the times that a step goes through what it sampled; default 1.
	Epochs int `yaml:"epochs"`
	// Temperature divides logits when sampling and when training; default 1.
	Temperature float64 `yaml:"temperature"`
	// ClipLow bounds ratios below at 1 − ClipLow, in (0, 1]; default 0.2.
	ClipLow float64 `yaml:"clipLow"`
	// ClipHigh bounds ratios above at 1 + ClipHigh; default 0.2.
	ClipHigh float64 `yaml:"clipHigh"`
	// DualClip bounds the loss of negative advantages at DualClip times them,
	// over 1 (arXiv:1912.09729); default 0, no bound.
	DualClip float64 `yaml:"dualClip"`
	// KL weighs the penalty towards the weights the stage started from, with ppo
	// a part of each token's reward; default 0.
	KL float64 `yaml:"kl"`
	// Entropy weighs the bonus for entropy, in nats a token; default 0.
	Entropy float64 `yaml:"entropy"`
	// DivideByDeviation divides the advantages of grpo by their group's standard
	// deviation; default true.
	DivideByDeviation bool `yaml:"divideByDeviation"`
	// Problems are generated or gsm8k-train; default generated.
	Problems string `yaml:"problems"`
	// Levels are the difficulties of generated problems; default the
	// generator's.
	Levels []int `yaml:"levels,flow,omitempty"`
	// Template is simple, complex or dialogue; default simple.
	Template string `yaml:"template"`
	// MaxResponseTokens caps completions by step, the first entry from step 0;
	// default 64 tokens from step 0.
	MaxResponseTokens []LengthCap `yaml:"maxResponseTokens"`
	// Stop are texts that end a completion, itself kept without them; default
	// none but the end token.
	Stop []string `yaml:"stop,flow,omitempty"`
	// Verifier judges the completions.
	Verifier Verifier `yaml:"verifier"`
	// Reward says what its verdicts earn.
	Reward Reward `yaml:"reward"`
	// EvaluateEvery is the steps between evaluations on held-out problems, made
	// beside the training: 1 evaluates every version; default 10; 0 only the last.
	EvaluateEvery int `yaml:"evaluateEvery"`
}

// LengthCap is one entry of a length schedule: Tokens from FromStep on.
type LengthCap struct {
	// FromStep is the first step it holds for; ascending in a schedule.
	FromStep int `yaml:"fromStep"`
	// Tokens is the longest completion, the end token included.
	Tokens int `yaml:"tokens"`
}

// The values of templates, problems and algorithms.
const (
	AlgorithmGRPO = "grpo"
	AlgorithmPPO  = "ppo"

	TemplateSimple   = "simple"
	TemplateComplex  = "complex"
	TemplateDialogue = "dialogue"

	ProblemsGenerated  = "generated"
	ProblemsGSM8KTrain = "gsm8k-train"
)

// UnmarshalYAML decodes an rl section over its defaults.
func (r *RL) UnmarshalYAML(decode func(any) error) error {
	type plain RL
	*r = RL{DivideByDeviation: true, EvaluateEvery: 10}
	return decode((*plain)(r))
}

// ResponseCap returns the longest completion in tokens at a step: that of the
// last entry of MaxResponseTokens whose FromStep is not after it.
func (r RL) ResponseCap(step int) int {
	limit := 0
	for _, c := range r.MaxResponseTokens {
		if c.FromStep <= step {
			limit = c.Tokens
		}
	}
	return limit
}

// LongestResponse returns the largest cap of the stage in tokens.
func (r RL) LongestResponse() int {
	longest := 0
	for _, c := range r.MaxResponseTokens {
		longest = max(longest, c.Tokens)
	}
	return longest
}

func (r *RL) fill(levels []int) {
	or(&r.Steps, 60)
	or(&r.Algorithm, AlgorithmGRPO)
	or(&r.GroupsPerStep, 16)
	or(&r.Samples, 16)
	or(&r.UpdatesPerStep, 2)
	or(&r.Epochs, 1)
	if r.Algorithm == AlgorithmPPO && r.Critic == nil {
		c := defaultCritic()
		r.Critic = &c
	}
	if r.Critic != nil {
		r.Critic.fill(r.UpdatesPerStep)
	}
	or(&r.Temperature, 1)
	or(&r.ClipLow, 0.2)
	or(&r.ClipHigh, 0.2)
	or(&r.Problems, ProblemsGenerated)
	or(&r.Template, TemplateSimple)
	r.Verifier.fill()
	r.Reward.fill()
	if r.Problems == ProblemsGenerated {
		orLevels(&r.Levels, levels)
	}
	if len(r.MaxResponseTokens) == 0 {
		r.MaxResponseTokens = []LengthCap{{Tokens: 64}}
	}
}

func (r RL) validate(v validator, recipe *Recipe) {
	v.atLeast("steps", r.Steps, 1)
	r.validateAlgorithm(v)
	v.atLeast("groupsPerStep", r.GroupsPerStep, 1)
	v.atLeast("updatesPerStep", r.UpdatesPerStep, 1)
	v.atLeast("epochs", r.Epochs, 1)
	v.require(r.UpdatesPerStep < 1 || r.GroupsPerStep%r.UpdatesPerStep == 0, "groupsPerStep",
		"%d must be a multiple of updatesPerStep = %d", r.GroupsPerStep, r.UpdatesPerStep)
	v.require(r.Temperature > 0, "temperature", "%g must be over 0", r.Temperature)
	v.require(r.ClipLow > 0 && r.ClipLow <= 1, "clipLow", "%g must be in (0, 1]", r.ClipLow)
	v.require(r.ClipHigh > 0, "clipHigh", "%g must be over 0", r.ClipHigh)
	v.require(r.DualClip == 0 || r.DualClip > 1, "dualClip", "%g must be over 1, or 0 for none", r.DualClip)
	v.nonNegative("kl", r.KL)
	v.nonNegative("entropy", r.Entropy)
	v.oneOf("problems", r.Problems, ProblemsGenerated, ProblemsGSM8KTrain)
	v.levels("levels", r.Levels, r.Problems)
	v.oneOf("template", r.Template, TemplateSimple, TemplateComplex, TemplateDialogue)
	r.Verifier.validate(v.at("verifier"))
	r.Reward.validate(v.at("reward"))
	v.atLeast("evaluateEvery", r.EvaluateEvery, 0)
	for i, s := range r.Stop {
		v.require(s != "", index("stop", i), "an empty text would end every completion; remove it")
	}
	r.validateCaps(v, recipe)
}

func (r RL) validateAlgorithm(v validator) {
	v.oneOf("algorithm", r.Algorithm, AlgorithmGRPO, AlgorithmPPO)
	if r.Algorithm == AlgorithmPPO {
		v.atLeast("samples", r.Samples, 1)
		if v.require(r.Critic != nil, "critic", "is missing; algorithm ppo needs one"); r.Critic != nil {
			r.Critic.validate(v.at("critic"), r.GroupsPerStep)
		}
		return
	}
	v.require(r.Samples >= 2, "samples", "%d must be at least 2, or grpo has nothing to compare; algorithm ppo can do with 1", r.Samples)
	v.require(r.Critic == nil, "critic", "is for algorithm ppo only; leave it out with %s, or choose algorithm: ppo", r.Algorithm)
}

func (r RL) validateCaps(v validator, recipe *Recipe) {
	for i, c := range r.MaxResponseTokens {
		at := v.at(index("maxResponseTokens", i))
		at.atLeast("tokens", c.Tokens, 1)
		recipe.requireFits(at, "tokens", c.Tokens)
		if i == 0 {
			at.require(c.FromStep == 0, "fromStep", "%d must be 0 in the first entry", c.FromStep)
			continue
		}
		before := r.MaxResponseTokens[i-1].FromStep
		at.require(c.FromStep > before, "fromStep", "%d must be after the entry before, %d", c.FromStep, before)
	}
}
