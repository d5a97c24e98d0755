// Package config is the recipe: one YAML file that says all of a run. Bytes
// enter; a Recipe with every default filled and every value checked leaves, or
// one error with all faults, each with file, line and column. The package knows
// nothing of how a run is carried out. Read Recipe, Stage, Parse in this order.
//
// Values are layered: defaults, then the file, then flags. Whoever sets fields
// from flags calls Validate again.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// Recipe is one run from corpus to evaluation. Keys are the field names in
// camel case; a zero count means "the default" unless its comment says what
// zero does.
type Recipe struct {
	// Name is the run's: results go to runs/<name>. Lower-case letters, digits
	// and hyphens; default the file's name without its ending.
	Name string `yaml:"name"`
	// Seed is the key of all random numbers of the run; default 1.
	Seed uint64 `yaml:"seed"`
	// Note is a sentence for the run's report, e.g. what to expect; default none.
	Note string `yaml:"note,omitempty"`
	// Policy is where initial weights come from; default a small shape.
	Policy Policy `yaml:"policy"`
	// Tokenizer is read or trained; default trained.
	Tokenizer Tokenizer `yaml:"tokenizer"`
	// Generator sets the synthetic problems.
	Generator Generator `yaml:"generator"`
	// Stages run in order, at least one.
	Stages []Stage `yaml:"stages"`
	// Evaluation is made of every stage's weights, unless the stage has its own.
	Evaluation Evaluation `yaml:"evaluation"`
	// Compare names two stages whose accuracies the run compares at its end;
	// default none.
	Compare *Compare `yaml:"compare,omitempty"`
	// Scale is how many actors of a kind to start.
	Scale Scale `yaml:"scale"`
	// Checkpoint is how often to save and what to keep.
	Checkpoint Checkpoint `yaml:"checkpoint"`
}

// Generator sets the synthetic problems and their written forms.
type Generator struct {
	// Levels are difficulties in generated text, 1 to 8; default 1 to 4.
	Levels []int `yaml:"levels,flow"`
	// BoxedShare is the share of solutions in generated text that end in
	// \boxed{answer}, 0 to 1; default 0.4.
	BoxedShare float64 `yaml:"boxedShare"`
}

// Compare names two stages.
type Compare struct {
	// First is the stage expected to be better.
	First string `yaml:"first"`
	// Second is the stage it is compared with.
	Second string `yaml:"second"`
}

// Scale is how many actors of a kind a node starts.
type Scale struct {
	// Rollouts is the number of rollout actors; default 1.
	Rollouts int `yaml:"rollouts"`
	// Verifiers is the number of verifier actors; default 1.
	Verifiers int `yaml:"verifiers"`
}

// Checkpoint is how often to save and what to keep.
type Checkpoint struct {
	// EverySteps is the number of steps between checkpoints of a stage, which
	// also has one at its end; default 20.
	EverySteps int `yaml:"everySteps"`
	// Keep is the number of checkpoints of a stage that stay on disk, the final
	// one of a finished stage included; default 2.
	Keep int `yaml:"keep"`
}

// Parse reads a recipe from YAML, fills its defaults and checks it. name is the
// file that messages name. It returns *InvalidError with all faults of one
// kind: unknown keys and wrong types first, then wrong values.
func Parse(name string, data []byte) (*Recipe, error) {
	root, err := parseDocument(name, data)
	if err != nil {
		return nil, err
	}
	r := defaults(name)
	// The parser refuses a key twice; the decoder would refuse one that
	// overrides a merged key too.
	if err := yaml.NodeToValue(root, r, yaml.Strict(), yaml.AllowDuplicateMapKey()); err != nil {
		return nil, syntaxError(name, err)
	}
	r.fill()
	if err := r.Validate(); err != nil {
		return nil, locate(name, root, err)
	}
	return r, nil
}

// ParseFile reads the recipe in a file with Parse. A path that does not exist
// is reported with the way to list the built-in recipes.
func ParseFile(path string) (*Recipe, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read recipe: %w; `octorl run --list` shows the built-in recipes, and a path must name a YAML file", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read recipe: %w", err)
	}
	return Parse(path, data)
}

// Resolved returns the recipe as YAML with every default filled. Parse of it
// gives an equal recipe.
func (r *Recipe) Resolved() ([]byte, error) {
	data, err := yaml.MarshalWithOptions(r, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("write recipe %s: %w", r.Name, err)
	}
	return data, nil
}

// Stage returns the stage of a name, or nil.
func (r *Recipe) Stage(name string) *Stage {
	for i := range r.Stages {
		if r.Stages[i].Name == name {
			return &r.Stages[i]
		}
	}
	return nil
}

// defaults returns what a recipe starts from before its file is read: the
// values whose zero means something else than "the default".
func defaults(file string) *Recipe {
	base := filepath.Base(file)
	return &Recipe{
		Name:       strings.TrimSuffix(base, filepath.Ext(base)),
		Seed:       1,
		Generator:  Generator{BoxedShare: 0.4},
		Evaluation: defaultEvaluation,
	}
}

// fill sets what the file left out.
func (r *Recipe) fill() {
	r.Policy.fill()
	r.Tokenizer.fill()
	orLevels(&r.Generator.Levels, []int{1, 2, 3, 4})
	for i := range r.Stages {
		r.Stages[i].fill(r.Generator.Levels)
	}
	r.Evaluation.fill(r.Generator.Levels)
	or(&r.Evaluation.Backlog, 2)
	or(&r.Scale.Rollouts, 1)
	or(&r.Scale.Verifiers, 1)
	or(&r.Checkpoint.EverySteps, 20)
	or(&r.Checkpoint.Keep, 2)
}

// or sets *p to a default where it is zero.
func or[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}

// orLevels is or for lists, which it copies.
func orLevels(p *[]int, value []int) {
	if len(*p) == 0 {
		*p = append([]int(nil), value...)
	}
}
