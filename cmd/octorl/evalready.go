package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/evaluation/benchmark"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/config"
)

// What a readiness is measured with unless flags say otherwise.
const (
	readinessSamples  = 16
	readinessProblems = 64
)

// readiness measures whether RL can be expected to improve a base model: the same
// problems, sampled under every template.
func (v *evalVerb) readiness(ctx context.Context) error {
	if len(v.Benchmarks) > 1 || v.Template != "" || v.Shots != "published" {
		return errors.New("--readiness asks one benchmark under every template: leave out --template and --shots, and give at most one of --benchmarks")
	}
	var err error
	if v.Model, err = checkpointOf(v.Readiness); err != nil {
		return err
	}
	or(&v.N, readinessSamples)
	or(&v.Limit, readinessProblems)
	v.chooseProblems()
	if v.Out == "" {
		v.Out = filepath.Join("evaluations", nameOfCheckpoint(v.Model)+"-readiness")
	}
	if err := v.settle(); err != nil {
		return err
	}
	if v.N < 2 {
		return fmt.Errorf("--n %d: readiness needs at least 2 completions of a problem, and a temperature", v.N)
	}
	if !slices.Contains(v.K, v.N) {
		v.K = append(v.K, v.N)
	}
	e, err := openEvaluation(v.Model, v.Out, v.deviceFlag)
	if err != nil {
		return err
	}
	defer e.close()
	if err := v.addTemplates(e); err != nil {
		return err
	}
	return v.finish(ctx, e)
}

// or sets *p to a default where it is zero.
func or[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}

// chooseProblems takes what a run's own recipe evaluates with first where that is
// generated, or else MATH-500, which published thresholds are of, where it is at hand, or
// else GSM8K.
func (v *evalVerb) chooseProblems() {
	own := ""
	if r, err := config.ParseFile(filepath.Join(v.Model, "recipe.resolved.yaml")); err == nil {
		if e := r.Evaluation; strings.HasPrefix(e.Benchmarks[0], benchmark.Generated) {
			own = e.Benchmarks[0]
			or(&v.MaxTokens, e.MaxTokens)
		}
	}
	switch math500, found := benchmark.Find("math500"); {
	case len(v.Benchmarks) > 0:
	case own != "":
		v.Benchmarks = []string{own}
	case found == nil && math500.AtHand(v.Data):
		v.Benchmarks = []string{math500.Name}
	default:
		v.Benchmarks = []string{"gsm8k"}
	}
}

// addTemplates asks the benchmark under every template that leaves room for answers.
func (v *evalVerb) addTemplates(e *evaluationRun) error {
	set, err := exam.OpenSet(v.Benchmarks[0], v.Data)
	if err != nil {
		return err
	}
	o, err := v.options()
	if err != nil {
		return err
	}
	left := true
	for _, name := range []corpus.Template{corpus.TemplateSimple, corpus.TemplateComplex, corpus.TemplateDialogue} {
		o.Template = string(name)
		err := e.sitting.Add(set, exam.Way{Name: "@" + o.Template, Options: o})
		if errors.Is(err, exam.ErrNoRoom) {
			fmt.Fprintf(os.Stderr, "template %s left out: %v\n", name, err)
		} else if err != nil {
			return err
		} else {
			left = false
		}
	}
	if left {
		return fmt.Errorf("no template leaves %s room to answer %s: choose shorter problems with --benchmarks", v.Model, set.Spec.Name)
	}
	return nil
}
