package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Evaluation is what is measured of a policy: the greedy accuracy on the first
// Limit problems of each benchmark, and pass@k and maj@k by sampling on the first
// SampledProblems of them. Its words are those of octorl eval.
type Evaluation struct {
	// Benchmarks are asked in this order: BenchmarkNames, generated problems of
	// some levels such as generated-2 and generated-1-3, or YAML files of one's own;
	// default generated problems of the generator's levels.
	Benchmarks []string `yaml:"benchmarks,flow"`
	// Data is the folder with the problems that the binary does not carry, relative
	// to the working directory; default none.
	Data string `yaml:"data,omitempty"`
	// Limit is the problems asked of each benchmark, from its first; default 256; 0
	// asks all.
	Limit int `yaml:"limit"`
	// Template is simple, complex or dialogue; default simple, or none beside Shots:
	// then benchmarks are asked in their own form.
	Template string `yaml:"template,omitempty"`
	// Shots is published, or the number of solved problems before each question;
	// default none, by Template.
	Shots *Shots `yaml:"shots,omitempty"`
	// Grading is published, strict or boxed; default boxed with a Template, else
	// published.
	Grading string `yaml:"grading,omitempty"`
	// Verifier judges the completions in place of Grading; default none.
	Verifier *Verifier `yaml:"verifier,omitempty"`
	// SampledProblems is the number of problems to sample, of those asked; default
	// 64; 0 measures no pass@k.
	SampledProblems int `yaml:"sampledProblems"`
	// N is the completions of a sampled problem; default 16.
	N int `yaml:"n"`
	// K are the k of pass@k and maj@k, at most N; default the powers of 4 up to N.
	K []int `yaml:"k,flow"`
	// Temperature divides logits when sampling; default 1.
	Temperature float64 `yaml:"temperature"`
	// MaxTokens is the longest completion; default each benchmark's own.
	MaxTokens int `yaml:"maxTokens,omitempty"`
	// Stop are further texts that end a completion; default none but those of the
	// template or the benchmark.
	Stop []string `yaml:"stop,flow,omitempty"`
	// Backlog is the versions that wait in memory for their evaluation; when there
	// are as many and another is due, the learner waits for one to end; default 2.
	// It is of the run: the evaluation of a stage has none.
	Backlog int `yaml:"backlog,omitempty"`
}

// Shots is a number of demonstrations, or Published.
type Shots int

// Published is the number of demonstrations that each benchmark is published with.
const Published Shots = -1

// publishedShots is how YAML writes Published.
const publishedShots = "published"

// UnmarshalYAML reads a number or the word published.
func (s *Shots) UnmarshalYAML(decode func(any) error) error {
	var text string
	if err := decode(&text); err == nil && text == publishedShots {
		*s = Published
		return nil
	}
	return decode((*int)(s))
}

// MarshalYAML writes what UnmarshalYAML reads.
func (s Shots) MarshalYAML() ([]byte, error) {
	if s == Published {
		return []byte(publishedShots), nil
	}
	return yaml.Marshal(int(s))
}

// BenchmarkNames returns the names of the built-in benchmarks but generated ones.
func BenchmarkNames() []string {
	return []string{
		"gsm8k", "math", "math500", "olympiad_bench", "amc23", "mathqa", "mawps", "asdiv", "svamp", "tabmwp", "mmlu_stem", "sat", "ocw",
		"aime24", "aime25", "gpqa_diamond",
	}
}

// defaultEvaluation has the values whose zero means something else than "the default".
var defaultEvaluation = Evaluation{SampledProblems: 64, Limit: 256}

// UnmarshalYAML decodes an evaluation over its defaults.
func (e *Evaluation) UnmarshalYAML(decode func(any) error) error {
	type plain Evaluation
	*e = defaultEvaluation
	return decode((*plain)(e))
}

// EvaluationOf returns what is measured of a stage's weights.
func (r *Recipe) EvaluationOf(stage string) Evaluation {
	if s := r.Stage(stage); s != nil && s.Evaluation != nil {
		return *s.Evaluation
	}
	return r.Evaluation
}

// unshare gives e lists of its own: the decoder lets an alias point to what its
// anchor made.
func (e *Evaluation) unshare() *Evaluation {
	own := *e
	own.Benchmarks, own.K, own.Stop = slices.Clone(e.Benchmarks), slices.Clone(e.K), slices.Clone(e.Stop)
	if e.Verifier != nil {
		v := *e.Verifier
		own.Verifier = &v
	}
	return &own
}

func (e *Evaluation) fill(levels []int) {
	if len(e.Benchmarks) == 0 {
		e.Benchmarks = generatedBenchmarks(levels)
	}
	if e.Shots == nil {
		or(&e.Template, TemplateSimple)
	}
	if e.Verifier != nil {
		e.Verifier.fill()
	}
	or(&e.N, 16)
	if e.K == nil {
		for k := 1; k <= e.N; k *= 4 {
			e.K = append(e.K, k)
		}
	}
	or(&e.Temperature, 1)
}

// generatedBenchmarks names the generated problems of levels: as one benchmark where
// they follow one another.
func generatedBenchmarks(levels []int) []string {
	var names []string
	for _, level := range levels {
		names = append(names, fmt.Sprintf("%s-%d", ProblemsGenerated, level))
	}
	first, last := slices.Min(levels), slices.Max(levels)
	if len(levels) < 2 || last-first+1 != len(levels) {
		return names
	}
	return []string{fmt.Sprintf("%s-%d-%d", ProblemsGenerated, first, last)}
}

var generatedForm = regexp.MustCompile(`^` + ProblemsGenerated + `(?:-([1-8])(?:-([1-8]))?)?$`)

// checkBenchmark returns what is wrong with the name of a benchmark.
func checkBenchmark(name string) error {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") || slices.Contains(BenchmarkNames(), name) {
		return nil
	}
	if m := generatedForm.FindStringSubmatch(name); m != nil {
		first, _ := strconv.Atoi(m[1])
		if last, _ := strconv.Atoi(m[2]); m[2] != "" && last < first {
			return errors.New("has its levels in the wrong order")
		}
		return nil
	}
	known := append(BenchmarkNames(), ProblemsGenerated)
	return fmt.Errorf("is no benchmark%s; there are %s, its levels as in generated-1-3, and YAML files of your own",
		suggest(name, known), strings.Join(known, ", "))
}

func (e Evaluation) validate(v validator, r *Recipe) {
	for i, name := range e.Benchmarks {
		err := checkBenchmark(name)
		v.require(err == nil, index("benchmarks", i), "%q %v", name, err)
		v.require(!slices.Contains(e.Benchmarks[:i], name), index("benchmarks", i), "%q is there twice", name)
	}
	v.atLeast("limit", e.Limit, 0)
	if e.Template != "" {
		v.oneOf("template", e.Template, TemplateSimple, TemplateComplex, TemplateDialogue)
		v.require(e.Shots == nil || *e.Shots == 0, "shots", "stands beside template: a template asks without demonstrations; leave out one of them")
	}
	v.require(e.Shots == nil || *e.Shots >= Published, "shots", "must be published or a number from 0")
	if e.Grading != "" {
		v.oneOf("grading", e.Grading, "published", "strict", "boxed")
		v.require(e.Verifier == nil, "grading", "is given beside verifier; leave out one of them")
	}
	if e.Verifier != nil {
		e.Verifier.validate(v.at("verifier"))
	}
	v.atLeast("sampledProblems", e.SampledProblems, 0)
	v.atLeast("n", e.N, 1)
	for i, k := range e.K {
		v.require(k >= 1 && k <= e.N, index("k", i), "%d must be from 1 to n = %d", k, e.N)
	}
	v.require(slices.IsSorted(e.K), "k", "%v must ascend", e.K)
	v.require(e.Temperature > 0, "temperature", "%g must be over 0; greedy accuracy is measured in any case", e.Temperature)
	v.atLeast("maxTokens", e.MaxTokens, 0)
	r.requireFits(v, "maxTokens", e.MaxTokens)
}

func (e *Evaluation) shorten() {
	if e.Limit == 0 || e.Limit > 16 {
		e.Limit = 16
	}
	e.SampledProblems = min(e.SampledProblems, 4)
	e.N = min(e.N, 4)
	e.K = slices.DeleteFunc(slices.Clone(e.K), func(k int) bool { return k > e.N })
}
