package config

import (
	"slices"
	"time"
)

// Verifier chooses what judges completions.
type Verifier struct {
	// Mode is strict, octothinker, exact, numeric, choice, countdown, program or
	// endpoint; default strict.
	Mode string `yaml:"mode"`
	// Extract is where mode strict looks for the answer: boxed, last-number,
	// choice, final-answer or auto; default boxed.
	Extract string `yaml:"extract,omitempty"`
	// Program is the path of a program and its arguments, for mode program. It is
	// started on every node that verifies; docs/algorithm.md says what it is asked.
	Program []string `yaml:"program,flow,omitempty"`
	// URL is where mode endpoint posts each completion.
	URL string `yaml:"url,omitempty"`
	// DeadlineSeconds is the hard limit of one verification, over 0; default 2.
	// What takes longer counts as failed.
	DeadlineSeconds float64 `yaml:"deadlineSeconds"`
}

// The modes of verifiers and the places where they look for answers.
var (
	verifierModes    = []string{"strict", "octothinker", "exact", "numeric", "choice", "countdown", "program", "endpoint"}
	verifierExtracts = []string{"boxed", "last-number", "choice", "final-answer", "auto"}
)

// Deadline returns the hard limit of one verification.
func (c Verifier) Deadline() time.Duration {
	return time.Duration(c.DeadlineSeconds * float64(time.Second))
}

func (c *Verifier) fill() {
	or(&c.Mode, "strict")
	or(&c.DeadlineSeconds, 2)
	if c.Mode == "strict" {
		or(&c.Extract, "boxed")
	}
}

func (c Verifier) validate(v validator) {
	v.oneOf("mode", c.Mode, verifierModes...)
	if c.Extract != "" {
		v.oneOf("extract", c.Extract, verifierExtracts...)
	}
	for _, only := range []struct {
		key, mode string
		set       bool
	}{{"extract", "strict", c.Extract != ""}, {"program", "program", len(c.Program) > 0}, {"url", "endpoint", c.URL != ""}} {
		v.require(!only.set || c.Mode == only.mode, only.key, "is for mode %s only; leave it out with mode %s", only.mode, c.Mode)
	}
	v.require(c.Mode != "program" || len(c.Program) > 0 && !slices.Contains(c.Program[:1], ""), "program", "must name the program, as in program: [./judge.py, --strict]")
	v.require(c.Mode != "endpoint" || c.URL != "", "url", "must be where completions are posted, as in http://localhost:8000/verify")
	v.require(c.DeadlineSeconds > 0, "deadlineSeconds", "%g must be over 0", c.DeadlineSeconds)
}

// Reward says what verdicts earn.
type Reward struct {
	// Shape is default, or one of OctoThinker's: v2.wformat, v3.repeatpenalty or
	// v4.repeatpenalty; default default.
	Shape string `yaml:"shape"`
	// Right is what a right answer earns; default 1.
	Right *float64 `yaml:"right,omitempty"`
	// Wrong is what a wrong answer earns, less than Right; default −1, of
	// v2.wformat −0.5.
	Wrong *float64 `yaml:"wrong,omitempty"`
	// Unparsable is what a completion without an answer earns, at most Wrong;
	// default −1.
	Unparsable *float64 `yaml:"unparsable,omitempty"`
}

// rewardShapes are the names of shapes.
var rewardShapes = []string{"default", "v2.wformat", "v3.repeatpenalty", "v4.repeatpenalty"}

func (c *Reward) fill() { or(&c.Shape, "default") }

// Amounts returns what the verdicts earn: those of the shape, but where given.
func (c Reward) Amounts() (right, wrong, unparsable float64) {
	right, wrong, unparsable = 1, -1, -1
	if c.Shape == "v2.wformat" {
		wrong = -0.5
	}
	for _, given := range []struct{ to, from *float64 }{{&right, c.Right}, {&wrong, c.Wrong}, {&unparsable, c.Unparsable}} {
		if given.from != nil {
			*given.to = *given.from
		}
	}
	return right, wrong, unparsable
}

func (c Reward) validate(v validator) {
	v.oneOf("shape", c.Shape, rewardShapes...)
	right, wrong, unparsable := c.Amounts()
	v.require(right > wrong, "right", "%g must be more than wrong = %g", right, wrong)
	v.require(unparsable <= wrong, "unparsable", "%g must be at most wrong = %g, or no answer would pay better than a wrong one", unparsable, wrong)
}
