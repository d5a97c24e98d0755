package config

// Critic sets the critic of algorithm ppo: a network of the policy's size that
// starts from its weights and learns to predict what completions will earn. Each
// token is credited with what came of it beyond the prediction.
type Critic struct {
	// LearningRateFactor is the critic's learning rate as a multiple of the
	// policy's, over 0; default 5.
	LearningRateFactor float64 `yaml:"learningRateFactor"`
	// UpdatesPerStep is the critic's updates a step and epoch, a divisor of the
	// stage's groupsPerStep; default the policy's updatesPerStep.
	UpdatesPerStep int `yaml:"updatesPerStep"`
	// Gamma discounts what is earned later, a token, 0 to 1; default 1.
	Gamma float64 `yaml:"gamma"`
	// Lambda weighs rewards against predictions, 0 to 1 (arXiv:1506.02438 §3):
	// 1 credits by rewards alone; default 1.
	Lambda float64 `yaml:"lambda"`
	// ValueClip is how far a step may move a prediction before the loss stops to
	// pull, in units of reward; default 0.5; 0 does not clip.
	ValueClip float64 `yaml:"valueClip"`
	// Whiten gives the advantages of a step's tokens mean 0 and deviation 1;
	// default true.
	Whiten bool `yaml:"whiten"`
}

// UnmarshalYAML decodes a critic section over its defaults.
func (c *Critic) UnmarshalYAML(decode func(any) error) error {
	type plain Critic
	*c = defaultCritic()
	return decode((*plain)(c))
}

// defaultCritic has the defaults of keys whose zero means something else.
func defaultCritic() Critic {
	return Critic{Gamma: 1, Lambda: 1, ValueClip: 0.5, Whiten: true}
}

func (c *Critic) fill(updatesPerStep int) {
	or(&c.LearningRateFactor, 5)
	or(&c.UpdatesPerStep, updatesPerStep)
}

func (c Critic) validate(v validator, groupsPerStep int) {
	v.require(c.LearningRateFactor > 0, "learningRateFactor", "%g must be over 0", c.LearningRateFactor)
	v.atLeast("updatesPerStep", c.UpdatesPerStep, 1)
	v.require(c.UpdatesPerStep < 1 || groupsPerStep%c.UpdatesPerStep == 0, "updatesPerStep",
		"%d must divide groupsPerStep = %d", c.UpdatesPerStep, groupsPerStep)
	v.share("gamma", c.Gamma)
	v.share("lambda", c.Lambda)
	v.nonNegative("valueClip", c.ValueClip)
}
