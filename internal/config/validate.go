package config

import (
	"regexp"
	"slices"
	"strings"
)

// maxLevel is the hardest level of generated problems.
const maxLevel = 8

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

const nameFault = "%q must be lower-case letters, digits and single hyphens between them, as in rl-mid"

// Validate checks a recipe whose defaults are filled. It returns *InvalidError
// with every fault, or nil.
func (r *Recipe) Validate() error {
	v := validator{faults: &[]Fault{}}
	v.require(nameForm.MatchString(r.Name), "name", nameFault, r.Name)
	r.Policy.validate(v.at("policy"))
	r.Tokenizer.validate(v.at("tokenizer"))
	v.at("generator").levels("levels", r.Generator.Levels, ProblemsGenerated)
	v.at("generator").share("boxedShare", r.Generator.BoxedShare)
	r.validateStages(v)
	r.Evaluation.validate(v.at("evaluation"), r)
	v.at("evaluation").atLeast("backlog", r.Evaluation.Backlog, 1)
	if r.Compare != nil {
		v.at("compare").stage("first", r.Compare.First, r.Stages)
		v.at("compare").stage("second", r.Compare.Second, r.Stages)
	}
	v.at("scale").atLeast("rollouts", r.Scale.Rollouts, 1)
	v.at("scale").atLeast("verifiers", r.Scale.Verifiers, 1)
	v.at("checkpoint").atLeast("everySteps", r.Checkpoint.EverySteps, 1)
	v.at("checkpoint").atLeast("keep", r.Checkpoint.Keep, 1)
	if len(*v.faults) == 0 {
		return nil
	}
	return &InvalidError{Faults: *v.faults}
}

func (r *Recipe) validateStages(v validator) {
	v.require(len(r.Stages) > 0, "stages", "is empty; a run has at least one stage")
	for i, s := range r.Stages {
		at := v.at(index("stages", i))
		s.validate(at, r)
		at.require(!containsStage(r.Stages[:i], s.Name), "name", "%q is the name of an earlier stage; names are unique", s.Name)
		if s.From != "" {
			at.stage("from", s.From, r.Stages[:i])
		}
	}
}

// requireFits checks that tokens fit into one sequence of the policy, where its
// shape is known.
func (r *Recipe) requireFits(v validator, key string, tokens int) {
	if s := r.Policy.Shape; s != nil {
		v.require(tokens <= s.MaxPositions, key, "%d must not exceed policy.shape.maxPositions = %d", tokens, s.MaxPositions)
	}
}

func containsStage(stages []Stage, name string) bool {
	return slices.ContainsFunc(stages, func(s Stage) bool { return s.Name == name })
}

// validator collects faults below one path.
type validator struct {
	path   string
	faults *[]Fault
}

// at returns a validator for a key below.
func (v validator) at(key string) validator {
	return validator{path: join(v.path, key), faults: v.faults}
}

func (v validator) add(key, format string, args ...any) {
	*v.faults = append(*v.faults, newFault(join(v.path, key), format, args...))
}

func (v validator) require(ok bool, key, format string, args ...any) {
	if !ok {
		v.add(key, format, args...)
	}
}

func (v validator) atLeast(key string, value, least int) {
	v.require(value >= least, key, "%d must be at least %d", value, least)
}

func (v validator) nonNegative(key string, value float64) {
	v.require(value >= 0, key, "%g must not be negative", value)
}

func (v validator) share(key string, value float64) {
	v.require(value >= 0 && value <= 1, key, "%g must be from 0 to 1", value)
}

func (v validator) oneOf(key, value string, options ...string) {
	v.require(slices.Contains(options, value), key, "%q must be %s%s", value, strings.Join(options, " or "), suggest(value, options))
}

func (v validator) levels(key string, levels []int, problems string) {
	if problems != ProblemsGenerated {
		v.require(len(levels) == 0, key, "only generated problems have levels; leave it out with %s", problems)
		return
	}
	for i, level := range levels {
		v.require(level >= 1 && level <= maxLevel, index(key, i), "%d must be from 1 to %d", level, maxLevel)
	}
}

func (v validator) stage(key, name string, stages []Stage) {
	var names []string
	for _, s := range stages {
		names = append(names, s.Name)
	}
	v.require(slices.Contains(names, name), key, "%q is no stage that it could mean%s; those are: %s",
		name, suggest(name, names), strings.Join(names, ", "))
}
