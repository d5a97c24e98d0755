// Package benchmark knows sets of problems with which policies are measured: how
// each is asked, with which solved problems before the question, what ends a
// completion, where its answer is and how it is compared.
//
// A name, or a user's own YAML file, enters; problems, prompts and a verifier
// leave. How completions are drawn, and what their verdicts amount to, it does not
// know. Read Spec, Problem and Open first.
package benchmark

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/octorl/octorl/reward"
)

// Spec says how a benchmark is read, asked and judged. The built-in ones are in
// the folder specs; a user's own has the same form.
type Spec struct {
	// Name is unique among benchmarks: letters, digits, _ and -.
	Name string `yaml:"name"`
	// Title is the name for people; default Name.
	Title string `yaml:"title"`
	// File holds the rows as JSON Lines, plain or with .gz appended. A path is
	// relative to the YAML file.
	File string `yaml:"file"`
	// Rows is how many problems are published; default 0, unknown.
	Rows int `yaml:"rows"`
	// License and Source are shown to people.
	License string `yaml:"license"`
	Source  string `yaml:"source"`

	// Question is the text of a question with fields of the row in braces: {f};
	// {f.} ends it in a full stop where it has no punctuation; {f?} may be missing
	// or null, and a line whose fields are all so is left out.
	Question string `yaml:"question"`
	// Answer is the reference answer, in the same notation; of a choice its
	// letter, or with Wrong its text.
	Answer string `yaml:"answer"`
	// AnswerIn says where in Answer it is: whole, the default; box, the last
	// \boxed{…}; before-parentheses; or after-hashes, behind ####.
	AnswerIn string `yaml:"answerIn"`
	// Options is the field with the options of a choice: a list, or one text such
	// as "A) … B) …". They are put under the question as (A), (B), …
	Options string `yaml:"options"`
	// Wrong are fields with the wrong options, which are mixed with the answer in
	// an order that the row alone decides.
	Wrong []string `yaml:"wrong"`
	// ID, Level and Subject are as Question; default none: then rows are numbered
	// from 0. A level is the last number in the text.
	ID      string `yaml:"id"`
	Level   string `yaml:"level"`
	Subject string `yaml:"subject"`

	// Prompt is how a question is put, with {question} for it; default
	// "Question: {question}\nAnswer:".
	Prompt string `yaml:"prompt"`
	// Lead stands between a prompt and the solution of a demonstration; default
	// one space.
	Lead string `yaml:"lead"`
	// Shots is how many demonstrations a base model is shown; default 0.
	Shots int `yaml:"shots"`
	// Demonstrations are solved problems, whose answers are where Extract finds
	// them.
	Demonstrations []Demonstration `yaml:"demonstrations"`
	// DemonstrationsOf takes those of a built-in benchmark instead.
	DemonstrationsOf string `yaml:"demonstrationsOf"`
	// Stops are texts that end a completion.
	Stops []string `yaml:"stops"`
	// MaxTokens is the longest completion; default 1024, as published.
	MaxTokens int `yaml:"maxTokens"`

	// Extract is boxed, last-number, choice, final-answer or auto, the default.
	Extract string `yaml:"extract"`
	// FinalFirst takes what follows "final answer is" or "Final Answer:" before what
	// Extract would find, as prompts in Minerva's form ask for it (arXiv:2206.14858).
	FinalFirst bool `yaml:"finalFirst"`
	// Tolerance is the largest absolute difference of numbers that count as
	// equal, Relative the largest as a share of the reference; default 0, exact.
	Tolerance float64 `yaml:"tolerance"`
	Relative  float64 `yaml:"relative"`
	// Percent takes a number for its hundredfold and its hundredth too.
	Percent bool `yaml:"percent"`

	folder string // of a user's YAML file; empty for built-in ones

	firstLevel, lastLevel int // of generated problems; 0 for others
}

// Demonstration is a solved problem that is shown before the question.
type Demonstration struct {
	Question string `yaml:"question"`
	Solution string `yaml:"solution"`
}

// The values of Spec.AnswerIn.
const (
	answerWhole  = "whole"
	answerBox    = "box"
	answerBefore = "before-parentheses"
	answerAfter  = "after-hashes"
)

// Parse reads a Spec from YAML, fills its defaults and checks it. name is the
// file that errors name. It refuses unknown keys with their place, and reports
// all other faults at once.
func Parse(name string, data []byte) (*Spec, error) {
	s := &Spec{Lead: " ", MaxTokens: 1024, Extract: "auto", AnswerIn: answerWhole, Prompt: "Question: {question}\nAnswer:"}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(s); err != nil {
		var placed yaml.Error
		if errors.As(err, &placed) && placed.GetToken() != nil {
			at := placed.GetToken().Position
			return nil, fmt.Errorf("%s:%d:%d: %s", name, at.Line, at.Column, placed.GetMessage())
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if s.Title == "" {
		s.Title = s.Name
	}
	if s.DemonstrationsOf != "" && len(s.Demonstrations) == 0 {
		from, err := builtin(s.DemonstrationsOf)
		if err != nil {
			return nil, fmt.Errorf("%s: demonstrationsOf: %w", name, err)
		}
		s.Demonstrations = from.Demonstrations
	}
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// ParseFile reads a user's Spec.
func ParseFile(path string) (*Spec, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read benchmark: %w", err)
	}
	s, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	s.folder = filepath.Dir(path)
	return s, nil
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

func (s *Spec) validate() error {
	var faults []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	require(nameForm.MatchString(s.Name), "name %q: want letters, digits, _ and -", s.Name)
	require(s.File != "", "file is missing: name the JSON Lines with the problems")
	require(s.Question != "", `question is missing: name the fields, as in "{question}"`)
	require(s.Answer != "", `answer is missing: name the field, as in "{answer}"`)
	require(strings.Contains(s.Prompt, "{question}"), "prompt %q has no {question} in it", s.Prompt)
	require(s.Shots >= 0 && s.Shots <= len(s.Demonstrations), "shots is %d and there are %d demonstrations", s.Shots, len(s.Demonstrations))
	require(s.MaxTokens > 0, "maxTokens is %d: allow at least 1", s.MaxTokens)
	require(s.Tolerance >= 0 && s.Relative >= 0, "tolerance %g and relative %g must not be negative", s.Tolerance, s.Relative)
	require(s.Options == "" || len(s.Wrong) == 0, "options and wrong are both given: leave out one")
	_, err := reward.ParseExtraction(s.Extract)
	require(err == nil, "extract: %w", err)
	switch s.AnswerIn {
	case answerWhole, answerBox, answerBefore, answerAfter:
	default:
		require(false, "answerIn %q: want %s, %s, %s or %s", s.AnswerIn, answerWhole, answerBox, answerBefore, answerAfter)
	}
	return errors.Join(faults...)
}

// choice reports whether an answer is the letter of an option.
func (s *Spec) choice() bool { return s.Options != "" || len(s.Wrong) > 0 }
