package benchmark

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/rollout/trajectory"
)

// Generated is the name of the benchmark of held-out generated problems, which the
// small built-in recipes train for. Generated with -2 behind it has level 2 only,
// with -1-3 levels 1 to 3.
const Generated = "generated"

// generatedEach is the number of generated problems of a level.
const generatedEach = 128

var generatedForm = regexp.MustCompile(`^` + Generated + `(?:-([1-8])(?:-([1-8]))?)?$`)

// generated returns the benchmark of such a name, or nil.
func generated(name string) *Spec {
	m := generatedForm.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	first, last := 1, corpus.Levels
	if m[1] != "" {
		first, _ = strconv.Atoi(m[1])
		last = first
	}
	if m[2] != "" {
		last, _ = strconv.Atoi(m[2])
	}
	if first > last {
		return nil
	}
	return &Spec{
		Name: name, Title: fmt.Sprintf("generated, levels %d to %d", first, last), Rows: generatedEach * (last - first + 1),
		License: "Apache-2.0", Source: "package corpus", Question: "{question}", Answer: "{answer}", AnswerIn: answerWhole,
		Prompt: "Question:\n{question}\nAnswer:\n", Stops: []string{"User:", "Question:"}, MaxTokens: 128, Extract: "boxed",
		firstLevel: first, lastLevel: last,
	}
}

// generate returns the held-out problems of the benchmark's levels, which take
// turns. They are the same for every seed of a run.
func (s *Spec) generate() ([]Problem, error) {
	problems := make([]Problem, s.Rows)
	numLevels := s.lastLevel - s.firstLevel + 1
	for i := range numLevels {
		all, err := corpus.Generator{}.HeldOut(s.firstLevel+i, generatedEach)
		if err != nil {
			return nil, fmt.Errorf("benchmark %s: %w", s.Name, err)
		}
		for k, p := range all {
			problems[k*numLevels+i].Stem = p.Question
			problems[k*numLevels+i].Problem = trajectory.Problem{
				ID: s.Name + "/" + p.ID, Question: p.Question, Answer: p.Answer, Level: p.Level, Source: s.Name,
			}
		}
	}
	return problems, nil
}
