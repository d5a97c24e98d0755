package config

import "slices"

// Evaluation is what is measured of a policy on held-out problems: greedy
// accuracy on Count of them, and pass@k by sampling on the first
// SampledProblems.
type Evaluation struct {
	// Problems are generated or gsm8k-test; default generated.
	Problems string `yaml:"problems"`
	// Levels are the difficulties of generated problems; default the
	// generator's.
	Levels []int `yaml:"levels,flow,omitempty"`
	// Count is the number of problems; default 256.
	Count int `yaml:"count"`
	// PassAtK are the k of pass@k, at most Samples; default the powers of 4 up
	// to Samples.
	PassAtK []int `yaml:"passAtK,flow"`
	// SampledProblems is the number of problems to sample, at most Count;
	// default 64; 0 measures no pass@k.
	SampledProblems int `yaml:"sampledProblems"`
	// Samples is the completions of a sampled problem; default 16.
	Samples int `yaml:"samples"`
	// Temperature divides logits when sampling; default 1.
	Temperature float64 `yaml:"temperature"`
	// MaxTokens is the longest completion; default 64.
	MaxTokens int `yaml:"maxTokens"`
	// Template is simple, complex or dialogue; default simple.
	Template string `yaml:"template"`
	// Stop are texts that end a completion; default none but the end token.
	Stop []string `yaml:"stop,flow,omitempty"`
	// Verifier judges the completions; default strict, which looks in boxes.
	Verifier Verifier `yaml:"verifier"`
	// Shots is the number of solved problems before the question; default 0.
	Shots int `yaml:"shots"`
	// Backlog is the versions that wait in memory for their evaluation; when there
	// are as many and another is due, the learner waits for one to end; default 2.
	Backlog int `yaml:"backlog"`
}

func (e *Evaluation) fill(levels []int) {
	or(&e.Problems, ProblemsGenerated)
	if e.Problems == ProblemsGenerated {
		orLevels(&e.Levels, levels)
	}
	or(&e.Count, 256)
	or(&e.Samples, 16)
	if e.PassAtK == nil {
		for k := 1; k <= e.Samples; k *= 4 {
			e.PassAtK = append(e.PassAtK, k)
		}
	}
	e.SampledProblems = min(e.SampledProblems, max(e.Count, 0))
	or(&e.Temperature, 1)
	or(&e.MaxTokens, 64)
	or(&e.Template, TemplateSimple)
	e.Verifier.fill()
	or(&e.Backlog, 2)
}

func (e Evaluation) validate(v validator, r *Recipe) {
	v.oneOf("problems", e.Problems, ProblemsGenerated, ProblemsGSM8KTest)
	v.levels("levels", e.Levels, e.Problems)
	v.atLeast("count", e.Count, 1)
	v.atLeast("sampledProblems", e.SampledProblems, 0)
	v.atLeast("samples", e.Samples, 1)
	for i, k := range e.PassAtK {
		v.require(k >= 1 && k <= e.Samples, index("passAtK", i), "%d must be from 1 to samples = %d", k, e.Samples)
	}
	v.require(slices.IsSorted(e.PassAtK), "passAtK", "%v must ascend", e.PassAtK)
	v.require(e.Temperature > 0, "temperature", "%g must be over 0; greedy accuracy is measured in any case", e.Temperature)
	v.atLeast("maxTokens", e.MaxTokens, 1)
	r.requireFits(v, "maxTokens", e.MaxTokens)
	v.oneOf("template", e.Template, TemplateSimple, TemplateComplex, TemplateDialogue)
	e.Verifier.validate(v.at("verifier"))
	v.atLeast("shots", e.Shots, 0)
	v.atLeast("backlog", e.Backlog, 1)
}

func (e *Evaluation) shorten() {
	e.Count = min(e.Count, 16)
	e.SampledProblems = min(e.SampledProblems, 4)
	e.Samples = min(e.Samples, 4)
	e.PassAtK = slices.DeleteFunc(slices.Clone(e.PassAtK), func(k int) bool { return k > e.Samples })
}
