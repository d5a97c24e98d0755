package actors

import (
	"context"
	"errors"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/evaluation"
)

// examine asks the evaluator to score a version. Its weights are in one of three
// places: in memory, in a file of pending ones, or in a checkpoint.
type examine struct {
	at      standing
	final   bool      // the stage has ended: all held-out problems, and some sampled
	weights []float32 // (NumParameters,); nobody writes them any more
	file    string    // of savePending
	folder  string    // checkpoint
}

// reserve asks the evaluator for room for the weights of one version; it answers
// with reserved as soon as it has some, so that memory stays bounded however slow
// evaluation is.
type (
	reserve  struct{ at standing }
	reserved struct{ at standing }
)

// listPending asks the evaluator for the versions that it holds in memory and has
// not scored; it answers with pendingVersions.
type (
	listPending     struct{}
	pendingVersions struct{ versions []examine }
)

// examined is the score of a version.
type examined struct {
	at     standing
	final  bool
	result evaluation.Result
	alarm  *alarm // verifications that failed
}

// scorer draws and judges the completions of a version. It may take long, and
// returns soon after ctx ends, with its error.
type scorer interface {
	score(ctx context.Context, e examine) (examined, error)
	free()
}

// evaluator scores versions one after another in the order in which they come, off
// the learner's path: it has a policy and an engine of its own. What it was told and
// has not scored when it dies is told again by whoever resumes the run: from the
// files of pending versions, the final checkpoints, or the learner. The scorer then
// goes on with what is missing.
type evaluator struct {
	scorer  scorer
	backlog int // versions held in memory beside the one being scored

	queue  []examine    // the first is being scored
	asking []*actor.PID // who waits for room, first first
	wanted []standing   // what for
	room   int          // reservations that were given and not used
	work   *background
	ctx    context.Context
	cancel context.CancelFunc
}

// Receive implements actor.Actor.
func (e *evaluator) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		e.work = newBackground(c)
		e.ctx, e.cancel = context.WithCancel(context.Background())
	case reserve:
		e.asking, e.wanted = append(e.asking, c.Sender()), append(e.wanted, m.at)
		e.giveRoom(c)
	case examine:
		e.onExamine(m)
	case listPending:
		c.Respond(pendingVersions{versions: e.held()})
	case examined:
		e.onExamined(c, m)
	case failed: // of the scorer
		c.Send(c.Parent(), m)
	case *actor.Stopping:
		e.cancel()
		e.work.close()
		e.scorer.free()
	}
}

// held returns the versions in memory.
func (e *evaluator) held() []examine {
	var held []examine
	for _, m := range e.queue {
		if m.weights != nil {
			held = append(held, m)
		}
	}
	return held
}

func (e *evaluator) giveRoom(c actor.Context) {
	for len(e.asking) > 0 && len(e.held())+e.room <= e.backlog {
		c.Send(e.asking[0], reserved{at: e.wanted[0]})
		e.asking, e.wanted = e.asking[1:], e.wanted[1:]
		e.room++
	}
}

func (e *evaluator) onExamine(m examine) {
	if m.weights != nil {
		e.room--
	}
	e.queue = append(e.queue, m)
	if len(e.queue) == 1 {
		e.next()
	}
}

// next starts scoring the first of the queue.
func (e *evaluator) next() {
	m := e.queue[0]
	e.work.do(func() any {
		out, err := e.scorer.score(e.ctx, m)
		switch {
		case err == nil:
			return out
		case errors.Is(err, context.Canceled):
			return nil // the run ends
		}
		return failed{actor: instanceEvaluator, err: err}
	})
}

func (e *evaluator) onExamined(c actor.Context, m examined) {
	c.Send(c.Parent(), m) // before it stops being pending: see learnerActor.save
	e.queue = e.queue[1:]
	if len(e.queue) > 0 {
		e.next()
	}
	e.giveRoom(c)
}
