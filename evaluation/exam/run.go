package exam

import (
	"context"
	"sync"

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

// State is how far an examination is.
type State struct {
	Done, Total int             // problems
	Accuracy    float64         // mean share right of those done
	Item        evaluation.Item // the newest; empty when told of what the journal has
}

// Progress is told of each item that is done, and first of what the journal has. It
// must not block.
type Progress func(State)

// graders is how many completions are judged at a time.
const graders = 2

// Run asks what the journal does not have yet, and adds each item to it as soon as
// it is done. When ctx ends it returns its error; what is done stays done. progress
// may be nil.
func Run(ctx context.Context, p *Paper, j *Journal, s Sampler, progress Progress) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k := &desk{paper: p, journal: j, progress: progress, cancel: cancel, state: State{Total: len(p.Questions)}}
	var open []Question
	for _, q := range p.Questions {
		if it, done := j.items[q.Problem.ID]; done {
			k.count(it)
		} else {
			open = append(open, q)
		}
	}
	if k.state.Done > 0 {
		k.state.Item = evaluation.Item{}
		k.tell()
	}
	ask := open[:0]
	for _, q := range open {
		if q.MaxTokens > 0 {
			ask = append(ask, q)
		} else if err := k.add(p.tooLong(q)); err != nil {
			return err
		}
	}
	if len(ask) == 0 {
		return nil
	}
	return k.ask(ctx, ask, s)
}

// desk is an examination under way.
type desk struct {
	paper    *Paper
	journal  *Journal
	progress Progress
	cancel   context.CancelFunc

	mu     sync.Mutex
	state  State
	right  float64 // sum of the shares right
	failed error   // of writing
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
				it, judged := k.paper.grade(ctx, a)
				if !judged {
					continue // the run ends; it is asked again
				}
				if err := k.add(it); err != nil {
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
		k.count(it)
		k.tell()
	}
	return k.failed
}

// count takes an item that is done into account.
func (k *desk) count(it evaluation.Item) {
	k.right += evaluation.Summarize([]evaluation.Item{it}).Accuracy
	k.state.Done++
	k.state.Accuracy, k.state.Item = k.right/float64(k.state.Done), it
}

func (k *desk) tell() {
	if k.progress != nil {
		k.progress(k.state)
	}
}

// grade judges what was drawn, each completion under a deadline of its own. What a
// verifier within the process is given it judges even as ctx ends; one outside may
// take long, and then the item is not judged.
func (p *Paper) grade(ctx context.Context, a answer) (it evaluation.Item, judged bool) {
	if !p.judging.Outside() {
		ctx = context.WithoutCancel(ctx)
	}
	texts := make([]string, len(a.drawn))
	for i, t := range a.drawn {
		texts[i] = t.Text
	}
	results := p.judging.VerifyAll(ctx, p.verifier, a.question.Problem.Problem, texts)
	if ctx.Err() != nil {
		return it, false
	}
	it = p.item(a.question)
	for i, t := range a.drawn {
		r := results[i]
		c := evaluation.Completion{
			Verdict: r.Verdict, Tokens: len(t.Completion), Finish: t.Finish, Text: t.Text, Answer: r.Canonical, Reason: r.Reason,
		}
		if c.Answer == "" {
			c.Answer = r.Extracted
		}
		it.Completions = append(it.Completions, c)
	}
	return it, true
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
