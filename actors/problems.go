package actors

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/rollout/trajectory"
)

// openProblems reads the problems that do not come from the generator's streams.
func (m *materials) openProblems() ([]corpus.Problem, error) {
	for _, s := range m.recipe.Stages {
		if s.RL != nil && s.RL.Problems == config.ProblemsGSM8KTrain {
			return m.fittingGSM8K(s.RL)
		}
	}
	return nil, nil
}

// fittingGSM8K returns the training problems that leave room for the longest
// completion of a stage; the others are left out, as in the published runs.
func (m *materials) fittingGSM8K(rl *config.RL) ([]corpus.Problem, error) {
	all, err := corpus.GSM8K(corpus.GSM8KTrain)
	if err != nil {
		return nil, err
	}
	room := m.config.MaxPositions - rl.LongestResponse()
	fitting := slices.DeleteFunc(all, func(p corpus.Problem) bool { return len(m.prompt(rl.Template, p.Question)) > room })
	if len(fitting) == 0 {
		return nil, fmt.Errorf("no training problem and a completion of %d tokens fit maxPositions %d; raise it in policy.shape, or lower rl.maxResponseTokens",
			rl.LongestResponse(), m.config.MaxPositions)
	}
	return fitting, nil
}

// trainingProblem returns the problem of a slot of a step: a function of the
// run's seed and the stage, never of what happened before. Generated problems
// do not repeat; others come in a new order every pass.
func (m *materials) trainingProblem(stage *config.Stage, step, slot int) trajectory.Problem {
	rl := rlOf(stage)
	i := (step-1)*rl.GroupsPerStep + slot
	if rl.Problems == config.ProblemsGSM8KTrain {
		n := len(m.problems)
		rng := rand.New(rand.NewPCG(seedOf(m.recipe.Seed, stage.Name), uint64(i/n)))
		return problemOf(m.problems[rng.Perm(n)[i%n]], rl.Problems)
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
			Problem: p, Prompt: m.prompt(rl.Template, p.Question),
			Samples: rl.Samples, MaxTokens: rl.ResponseCap(at.step), Temperature: float32(rl.Temperature),
			Stops: rl.Stop, Version: at.version(),
		}
	}
	return out
}

// prompt renders a question.
func (m *materials) prompt(template, question string) []int32 {
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
