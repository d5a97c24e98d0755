package actors

import (
	"fmt"

	"github.com/octorl/octorl/evaluation/benchmark"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/config"
)

// exams are what the evaluator asks, by stage.
type exams map[string]stageExam

// stageExam is how the weights of a stage are examined.
type stageExam struct {
	config.Evaluation
	seed uint64
	sets []exam.Set
}

// newExams reads the benchmarks of a recipe. Only the head does so: nodes that join
// need not have the problems. Its errors name the key.
func newExams(r *config.Recipe) (exams, error) {
	out, opened := exams{}, map[[2]string]exam.Set{}
	for _, s := range r.Stages {
		e := stageExam{Evaluation: r.EvaluationOf(s.Name), seed: r.Seed}
		for i, name := range e.Benchmarks {
			set, known := opened[[2]string{name, e.Data}]
			if !known {
				var err error
				if set, err = exam.OpenSet(name, e.Data); err != nil {
					key := "evaluation"
					if s.Evaluation != nil {
						key = "evaluation of stage " + s.Name
					}
					return nil, fmt.Errorf("%s: benchmarks[%d]: %w", key, i, err)
				}
				opened[[2]string{name, e.Data}] = set
			}
			e.sets = append(e.sets, set)
		}
		out[s.Name] = e
	}
	return out, nil
}

// options say how problems are asked, but for their number.
func (e stageExam) options() exam.Options {
	o := exam.Options{
		Shots: exam.Published, Template: e.Template, Grading: benchmark.Grading(e.Grading), Samples: e.N, Temperature: float32(e.Temperature),
		MaxTokens: e.MaxTokens, Stops: e.Stop, Seed: e.seed,
	}
	if e.Shots != nil && *e.Shots != config.Published {
		o.Shots = int(*e.Shots)
	}
	if e.Verifier != nil {
		s := settingsOf(*e.Verifier)
		o.Verifier = &s
	}
	return o
}

// ways are how a benchmark is asked: when the stage has ended every problem greedily
// and some of them sampled; inside a stage a quarter, greedily.
func (e stageExam) ways(set exam.Set, final bool) []exam.Way {
	asked := len(set.Problems)
	if e.Limit > 0 {
		asked = min(asked, e.Limit)
	}
	greedy, sampled := e.options().Greedy(), e.options().Sampled()
	greedy.Limit, sampled.Limit = asked, min(e.SampledProblems, asked)
	if !final {
		greedy.Limit = (asked + 3) / 4
		return []exam.Way{greedy}
	}
	if sampled.Limit == 0 {
		return []exam.Way{greedy}
	}
	return []exam.Way{greedy, sampled}
}

// add puts all that a version is asked into a sitting.
func (e stageExam) add(s *exam.Sitting, final bool) error {
	for _, set := range e.sets {
		for _, way := range e.ways(set, final) {
			if err := s.Add(set, way); err != nil {
				return err
			}
		}
	}
	return nil
}

// check refuses, before anything is trained, what could not be asked, such as prompts
// that the policy has no room for.
func (e exams) check(r *config.Recipe, tokens exam.Tokens) error {
	for _, s := range r.Stages {
		for _, set := range e[s.Name].sets {
			way := e[s.Name].ways(set, true)[0]
			if _, err := exam.NewPaper(set.Spec, set.Problems, "", tokens, way.Options); err != nil {
				return fmt.Errorf("evaluation of stage %s: %w", s.Name, err)
			}
		}
	}
	return nil
}

// ExamSize is how a benchmark is asked in the evaluation of a stage.
type ExamSize struct {
	Benchmark string
	Form      string // template or number of demonstrations
	Greedy    int    // problems asked greedily when the stage has ended
	Sampled   int    // problems sampled then
	Probed    int    // problems asked greedily inside the stage
	MaxTokens int    // of a completion
}

// ExamSizes returns what each stage of a recipe is asked. It reads the benchmarks, and
// returns an error that names the first whose problems are not at hand.
func ExamSizes(r *config.Recipe) (map[string][]ExamSize, error) {
	all, err := newExams(r)
	out := map[string][]ExamSize{}
	for stage, e := range all {
		for _, set := range e.sets {
			x := ExamSize{Benchmark: set.Spec.Name, Probed: e.ways(set, false)[0].Limit, MaxTokens: set.Spec.MaxTokens, Form: e.form(set)}
			for _, way := range e.ways(set, true) {
				if way.Temperature == 0 {
					x.Greedy = way.Limit
				} else {
					x.Sampled = way.Limit
				}
			}
			if e.MaxTokens > 0 {
				x.MaxTokens = e.MaxTokens
			}
			out[stage] = append(out[stage], x)
		}
	}
	return out, err
}

// form says how a benchmark is put, for people.
func (e stageExam) form(set exam.Set) string {
	switch {
	case e.Template != "":
		return "template " + e.Template
	case e.Shots != nil && *e.Shots != config.Published:
		return fmt.Sprintf("%d-shot", *e.Shots)
	}
	return fmt.Sprintf("%d-shot", set.Spec.Shots)
}
