package main

import (
	"fmt"

	"github.com/octorl/octorl/actors"
	"github.com/octorl/octorl/internal/config"
)

// explainEvaluation says what each stage is asked.
func explainEvaluation(line writeLine, r *config.Recipe, sizes map[string][]actors.ExamSize) {
	completions, probes := 0, 0
	for _, s := range r.Stages {
		numProbes := 0
		if every := s.EvaluateEvery(); every > 0 {
			numProbes = ceil(s.NumSteps(), every)
		}
		probes += numProbes
		for _, x := range sizes[s.Name] {
			completions += x.Greedy + x.Sampled*r.EvaluationOf(s.Name).N + numProbes*x.Probed
		}
	}
	shared := true
	for _, s := range r.Stages {
		if s.Evaluation != nil {
			explainExam(line, "evaluation of "+s.Name, *s.Evaluation, sizes[s.Name])
		} else if shared {
			explainExam(line, "evaluation", r.Evaluation, sizes[s.Name])
			shared = false
		}
	}
	line("probes", fmt.Sprintf("%d inside stages, beside the training: a quarter of the problems greedily", probes))
	line("their completions", decimal(int64(completions)))
}

// explainExam has a line a benchmark.
func explainExam(line writeLine, name string, e config.Evaluation, sizes []actors.ExamSize) {
	for _, x := range sizes {
		line(name, fmt.Sprintf("%s, %s, judged %s: %d problems greedily, %d by %d completions; at most %d tokens each",
			x.Benchmark, x.Form, judgeName(e), x.Greedy, x.Sampled, e.N, x.MaxTokens))
		name = ""
	}
}

// judgeName says what judges the completions of an evaluation.
func judgeName(e config.Evaluation) string {
	switch {
	case e.Verifier != nil:
		return "by " + verifierName(*e.Verifier)
	case e.Grading != "":
		return e.Grading
	case e.Template != "":
		return "boxed"
	}
	return "published"
}
