package exam

import (
	"context"
	"sync"
	"time"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// Sampler draws completions.
type Sampler interface {
	// Sample draws the completions of each question of a paper whose settings are
	// s, and calls done with each question's index and its completions, in any
	// order but from one goroutine at a time; done does not block. It returns nil
	// when all are done, or why not: when ctx ends, soon and with its error.
	Sample(ctx context.Context, s evaluation.Settings, questions []Question, done func(index int, drawn []trajectory.Trajectory)) error
}

// Progress is told of each item that is done, the journal's first. It must not
// block.
type Progress func(done, total int, it evaluation.Item)

// verifyDeadline is the hard limit for one verification.
const verifyDeadline = 2 * time.Second

// graders is how many completions are judged at a time.
const graders = 2

// Run asks what the journal does not have yet, and adds each item to it as soon as
// it is done. When ctx ends it returns its error; what is done stays done. progress
// may be nil.
func Run(ctx context.Context, p *Paper, j *Journal, s Sampler, progress Progress) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k := &desk{paper: p, journal: j, progress: progress, cancel: cancel}
	var open []Question
	for _, q := range p.Questions {
		switch {
		case j.Has(q.Problem.ID):
			k.tell(j.items[q.Problem.ID])
		case q.MaxTokens == 0:
			if err := k.add(p.tooLong(q)); err != nil {
				return err
			}
		default:
			open = append(open, q)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return k.ask(ctx, open, s)
}

// desk is an examination under way.
type desk struct {
	paper    *Paper
	journal  *Journal
	progress Progress
	cancel   context.CancelFunc

	mu     sync.Mutex
	done   int
	failed error // of writing
}

// answer is a question with what was drawn for it.
type answer struct {
	question Question
	drawn    []trajectory.Trajectory
}

// ask draws and grades. Grading has goroutines of its own, since the Sampler's
// must not wait for it.
func (k *desk) ask(ctx context.Context, open []Question, s Sampler) error {
	answers := make(chan answer, len(open))
	var grading sync.WaitGroup
	for range graders {
		grading.Go(func() {
			for a := range answers {
				if err := k.add(k.paper.grade(a)); err != nil {
					k.cancel() // there is no use in drawing what cannot be kept
				}
			}
		})
	}
	err := s.Sample(ctx, k.paper.Settings, open, func(i int, drawn []trajectory.Trajectory) {
		answers <- answer{open[i], drawn}
	})
	close(answers)
	grading.Wait()
	if k.failed != nil {
		return k.failed
	}
	return err
}

// add keeps an item.
func (k *desk) add(it evaluation.Item) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed == nil {
		k.failed = k.journal.Add(it)
	}
	if k.failed == nil {
		k.tell(it)
	}
	return k.failed
}

func (k *desk) tell(it evaluation.Item) {
	k.done++
	if k.progress != nil {
		k.progress(k.done, len(k.paper.Questions), it)
	}
}

// grade judges what was drawn, each completion under a deadline of its own.
func (p *Paper) grade(a answer) evaluation.Item {
	it := p.item(a.question)
	for _, t := range a.drawn {
		ctx, cancel := context.WithTimeout(context.Background(), verifyDeadline)
		r := p.verifier.Verify(ctx, a.question.Problem.Problem, t.Text)
		cancel()
		c := evaluation.Completion{
			Verdict: r.Verdict, Tokens: len(t.Completion), Finish: t.Finish, Text: t.Text, Answer: r.Canonical, Reason: r.Reason,
		}
		if c.Answer == "" {
			c.Answer = r.Extracted
		}
		it.Completions = append(it.Completions, c)
	}
	return it
}

// tooLong is the item of a question that the policy has no room to answer: as if
// every completion had reached its cap at once.
func (p *Paper) tooLong(q Question) evaluation.Item {
	it := p.item(q)
	for range p.Settings.Samples {
		it.Completions = append(it.Completions, evaluation.Completion{
			Verdict: reward.Unparsable, Finish: trajectory.FinishLength, Reason: "the prompt leaves no room for an answer",
		})
	}
	return it
}

func (p *Paper) item(q Question) evaluation.Item {
	return evaluation.Item{Problem: q.Problem.Problem, Subject: q.Problem.Subject, Prompt: q.Text}
}
