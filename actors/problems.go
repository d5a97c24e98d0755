package actors

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/rollout"
	"github.com/octorl/octorl/rollout/trajectory"
)

// problemBook is the problems that do not come from the generator's streams.
type problemBook struct {
	train []corpus.Problem // bundled training problems, where a stage uses them
	exam  []corpus.Problem // held-out problems, in the order they are asked
	shots []corpus.Problem // solved problems before an exam question
}

func (m *materials) openProblems() (problemBook, error) {
	var book problemBook
	var err error
	for _, s := range m.recipe.Stages {
		if s.RL != nil && s.RL.Problems == config.ProblemsGSM8KTrain && book.train == nil {
			if book.train, err = m.fittingGSM8K(s.RL); err != nil {
				return book, err
			}
		}
	}
	e := m.recipe.Evaluation
	if e.Problems == config.ProblemsGSM8KTest {
		book, err = m.openGSM8K(book)
	} else {
		book.exam, err = m.heldOut(e.Levels, e.Count)
	}
	if err != nil {
		return book, err
	}
	return book, m.checkExam(book)
}

// fittingGSM8K returns the training problems that leave room for the longest
// completion of a stage; the others are left out, as in the published runs.
func (m *materials) fittingGSM8K(rl *config.RL) ([]corpus.Problem, error) {
	all, err := corpus.GSM8K(corpus.GSM8KTrain)
	if err != nil {
		return nil, err
	}
	room := m.config.MaxPositions - rl.LongestResponse()
	fitting := slices.DeleteFunc(all, func(p corpus.Problem) bool { return len(m.prompt(rl.Template, p.Question, nil)) > room })
	if len(fitting) == 0 {
		return nil, fmt.Errorf("no training problem and a completion of %d tokens fit maxPositions %d; raise it in policy.shape, or lower rl.maxResponseTokens",
			rl.LongestResponse(), m.config.MaxPositions)
	}
	return fitting, nil
}

// checkExam refuses, before anything is trained, an evaluation that the policy
// has no room for.
func (m *materials) checkExam(book problemBook) error {
	e := m.recipe.Evaluation
	for _, p := range book.exam {
		n := len(m.prompt(e.Template, p.Question, book.shots))
		if n+e.MaxTokens > m.config.MaxPositions {
			return fmt.Errorf("evaluation: the prompt of problem %s has %d tokens, which with maxTokens %d exceed maxPositions %d; lower evaluation.shots or evaluation.maxTokens, or raise policy.shape.maxPositions",
				p.ID, n, e.MaxTokens, m.config.MaxPositions)
		}
	}
	return nil
}

// openGSM8K takes exam questions from the test split and solved ones from the
// training split.
func (m *materials) openGSM8K(book problemBook) (problemBook, error) {
	test, err := corpus.GSM8K(corpus.GSM8KTest)
	if err != nil {
		return book, err
	}
	train, err := corpus.GSM8K(corpus.GSM8KTrain)
	if err != nil {
		return book, err
	}
	book.exam = test[:min(m.recipe.Evaluation.Count, len(test))]
	book.shots = train[:min(m.recipe.Evaluation.Shots, len(train))]
	return book, nil
}

// heldOut returns count held-out problems, the levels taking turns.
func (m *materials) heldOut(levels []int, count int) ([]corpus.Problem, error) {
	each := (count + len(levels) - 1) / len(levels)
	lists := make([][]corpus.Problem, len(levels))
	for i, level := range levels {
		var err error
		if lists[i], err = m.generator.HeldOut(level, each); err != nil {
			return nil, err
		}
	}
	var out []corpus.Problem
	for i := range each {
		for _, list := range lists {
			if len(out) < count {
				out = append(out, list[i])
			}
		}
	}
	return out, nil
}

// trainingProblem returns the problem of a slot of a step: a function of the
// run's seed and the stage, never of what happened before. Generated problems
// do not repeat; others come in a new order every pass.
func (m *materials) trainingProblem(stage *config.Stage, step, slot int) trajectory.Problem {
	rl := rlOf(stage)
	i := (step-1)*rl.GroupsPerStep + slot
	if rl.Problems == config.ProblemsGSM8KTrain {
		n := len(m.problems.train)
		rng := rand.New(rand.NewPCG(seedOf(m.recipe.Seed, stage.Name), uint64(i/n)))
		return problemOf(m.problems.train[rng.Perm(n)[i%n]], rl.Problems)
	}
	level := rl.Levels[i%len(rl.Levels)]
	return problemOf(m.generator.Problem("rl", level, i/len(rl.Levels)), rl.Problems)
}

func problemOf(p corpus.Problem, source string) trajectory.Problem {
	return trajectory.Problem{ID: p.ID, Question: p.Question, Answer: p.Answer, Level: p.Level, Source: source}
}

// groupRequests are the groups of the step after at.
func (m *materials) groupRequests(at standing) []message.GroupRequested {
	stage := m.recipe.Stage(at.stage)
	rl := rlOf(stage)
	step := at.step + 1
	out := make([]message.GroupRequested, rl.GroupsPerStep)
	for slot := range out {
		p := m.trainingProblem(stage, step, slot)
		out[slot] = message.GroupRequested{
			GroupHeader: message.GroupHeader{
				ID:    fmt.Sprintf("%s-%d-%d", stage.Name, step, slot),
				Stage: stage.Name, Step: step, Slot: slot, Purpose: message.Train, ReplyTo: instanceBuffer,
				Recipe: m.digest,
			},
			Problem: p, Prompt: m.prompt(rl.Template, p.Question, nil),
			Samples: rl.Samples, MaxTokens: rl.ResponseCap(at.step), Temperature: float32(rl.Temperature),
			Stops: rl.Stop, Version: at.version(),
		}
	}
	return out
}

// exam are the requests that score the policy at a standing: when the stage has
// ended every held-out problem greedily and some of them sampled; inside a stage a
// quarter, greedily. Done is left to the caller.
func (m *materials) exam(at standing, final bool) []rollout.Request {
	e := m.recipe.Evaluation
	problems := m.problems.exam
	if !final {
		problems = problems[:(len(problems)+3)/4]
	}
	var out []rollout.Request
	for i, p := range problems {
		out = append(out, m.examRequest(at, "greedy", i, p, 1, 0))
	}
	if !final {
		return out
	}
	for i, p := range problems[:min(e.SampledProblems, len(problems))] {
		out = append(out, m.examRequest(at, "sampled", i, p, e.Samples, float32(e.Temperature)))
	}
	return out
}

func (m *materials) examRequest(at standing, way string, slot int, p corpus.Problem, samples int, temperature float32) rollout.Request {
	e := m.recipe.Evaluation
	return rollout.Request{
		ID:      fmt.Sprintf("%s-%d-exam-%s-%d", at.stage, at.step, way, slot),
		Problem: problemOf(p, e.Problems), Prompt: m.prompt(e.Template, p.Question, m.problems.shots),
		Samples: samples, MaxTokens: e.MaxTokens, Temperature: temperature,
		StopStrings: e.Stop, Version: at.version(),
	}
}

// prompt renders a question, after solved ones where there are any.
func (m *materials) prompt(template, question string, shots []corpus.Problem) []int32 {
	if len(shots) > 0 {
		solved := make([]evaluation.Demonstration, len(shots))
		for i, s := range shots {
			solved[i] = evaluation.Demonstration{Question: s.Question, Solution: s.Solution + ` The answer is \boxed{` + s.Answer + "}."}
		}
		return m.tokenizer.EncodePlain(evaluation.FewShot(solved, question))
	}
	text, err := corpus.Render(corpus.Template(template), question)
	if err != nil {
		panic(err) // the recipe was checked
	}
	return m.tokenizer.EncodePlain(text)
}

// seedOf derives a seed for one purpose from the run's.
func seedOf(seed uint64, purpose string) uint64 {
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, seed)
	h.Write([]byte(purpose))
	return binary.LittleEndian.Uint64(h.Sum(nil))
}
