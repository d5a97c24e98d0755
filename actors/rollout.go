package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/rollout"
	"github.com/octorl/octorl/rollout/trajectory"
)

// groupDone comes from the engine when a group has ended.
type groupDone struct {
	group trajectory.Group
	err   error
}

// weightsReady comes from the background when the policy has the weights of a
// standing.
type weightsReady struct {
	at  standing
	err error
}

// extendLeases makes a rollout extend what it holds.
type extendLeases struct{}

// drawAgain makes a rollout draw as many requests as it has handed back.
type drawAgain struct{ requests int }

// handBackPause is how long a rollout that cannot get weights leaves what it has
// handed back to others.
const handBackPause = time.Second / 4

// weightsSource brings the policy of a rollout to a standing. It may block. It
// returns errObsolete when the learner stands elsewhere.
type weightsSource func(ctx context.Context, at standing) error

// rolloutActor draws groups for requests from the queue. Its engine runs beside
// it and is fed without waiting; a request is acked when its group is in the
// next queue, so what it holds when it dies is drawn again elsewhere, with the
// same result.
type rolloutActor struct {
	node    string
	gateway *actor.PID
	engine  *rollout.Engine
	weights weightsSource // nil where the learner's own buffers are sampled from
	credit  int           // requests held at a time
	log     zerolog.Logger

	at      standing
	loading bool
	held    map[string]held // by group id
	waiting []delivered     // for the weights of another standing
	work    *background
	running *background     // the engine's loop
	ctx     context.Context // of the engine and of fetching weights
	cancel  context.CancelFunc
	renewal *time.Timer
	numBack int // requests handed back, to name each anew
}

// held is a request under way.
type held struct {
	from    delivered
	request message.GroupRequested
	started time.Time
}

// Receive implements actor.Actor.
func (r *rolloutActor) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		r.onStarted(c)
	case delivered:
		r.onDelivered(c, m)
	case weightsReady:
		r.onWeightsReady(c, m)
	case groupDone:
		r.onGroupDone(c, m)
	case extendLeases:
		r.onExtendLeases(c)
	case drawAgain:
		c.Request(r.gateway, grant{credit: m.requests})
	case failed: // of the engine
		c.Send(c.Parent(), m)
	case *actor.Stopping:
		r.renewal.Stop()
		r.cancel()
		r.running.close()
		r.work.close()
		r.engine.Free()
	}
}

func (r *rolloutActor) onStarted(c actor.Context) {
	r.held = map[string]held{}
	r.work = newBackground(c)
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.running = newBackground(c)
	r.running.do(func() any {
		if err := r.engine.Run(r.ctx); err != nil && !errors.Is(err, context.Canceled) {
			return failed{actor: instanceRollout, err: err}
		}
		return nil
	})
	r.schedule(c)
	c.Send(r.gateway, take{verb: queueRequested, instance: instanceRollout, to: c.Self(), credit: r.credit})
}

func (r *rolloutActor) schedule(c actor.Context) {
	root, self := c.ActorSystem().Root, c.Self()
	r.renewal = time.AfterFunc(leaseTime/3, func() { root.Send(self, extendLeases{}) })
}

func (r *rolloutActor) onExtendLeases(c actor.Context) {
	for _, h := range r.held {
		_ = h.from.Extend()
	}
	for _, m := range r.waiting {
		_ = m.Extend()
	}
	r.schedule(c)
}

func (r *rolloutActor) onDelivered(c actor.Context, m delivered) {
	q, ok := m.body.(message.GroupRequested)
	if !ok {
		_ = m.Term("not a group request")
		c.Request(r.gateway, grant{credit: 1})
		return
	}
	if r.has(q.ID) {
		_ = m.Extend()
		c.Request(r.gateway, grant{credit: 1})
		return
	}
	r.waiting = append(r.waiting, m)
	r.advance(c)
}

// has reports whether a group was delivered before: its lease ran out, but the
// work goes on.
func (r *rolloutActor) has(id string) bool {
	_, held := r.held[id]
	return held || slices.ContainsFunc(r.waiting, func(m delivered) bool { return m.body.(message.GroupRequested).ID == id })
}

// advance starts what the present weights serve, and fetches others once
// nothing is under way.
func (r *rolloutActor) advance(c actor.Context) {
	if r.loading {
		return
	}
	var rest []delivered
	for _, m := range r.waiting {
		if q := m.body.(message.GroupRequested); r.serves(q) {
			r.start(c, m, q)
		} else {
			rest = append(rest, m)
		}
	}
	r.waiting = rest
	if len(rest) == 0 || len(r.held) > 0 {
		return
	}
	at := standingOf(rest[0].body.(message.GroupRequested))
	r.loading = true
	r.work.do(func() any {
		ctx, cancel := context.WithTimeout(r.ctx, leaseTime/2)
		defer cancel()
		return weightsReady{at: at, err: r.weights(ctx, at)}
	})
}

func (r *rolloutActor) serves(q message.GroupRequested) bool {
	return r.weights == nil || r.at == standingOf(q)
}

// standingOf returns the standing whose weights a request is to be drawn with.
func standingOf(q message.GroupRequested) standing {
	return standing{stage: q.Stage, step: int(q.Version)}
}

// onWeightsReady starts what waited for weights, or gives it up where they cannot
// be had: for good when the learner has moved on, since then nobody waits for it,
// and else to other rollouts.
func (r *rolloutActor) onWeightsReady(c actor.Context, m weightsReady) {
	r.loading = false
	defer r.advance(c)
	if m.err == nil {
		r.at = m.at
		return
	}
	obsolete, all := errors.Is(m.err, errObsolete), len(r.waiting)
	if !obsolete {
		r.log.Warn().Err(m.err).Str("stage", m.at.stage).Int("policy_version", m.at.step).Msg("weights not fetched, requests handed back")
	}
	r.waiting = slices.DeleteFunc(r.waiting, func(d delivered) bool {
		q := d.body.(message.GroupRequested)
		if standingOf(q) != m.at {
			return false
		}
		if obsolete {
			_ = d.Term(m.err.Error())
		} else {
			r.handBack(c, d, q)
		}
		return true
	})
	root, self, given := c.ActorSystem().Root, c.Self(), all-len(r.waiting)
	time.AfterFunc(handBackPause, func() { root.Send(self, drawAgain{requests: given}) })
}

// handBack puts a request into the queue anew. Unlike a Nak that does not count
// as an attempt at it: it is this rollout that failed, not the group.
func (r *rolloutActor) handBack(c actor.Context, m delivered, q message.GroupRequested) {
	r.numBack++
	c.Send(r.gateway, enqueue{
		verb: queueRequested, instance: instanceRollout, id: fmt.Sprintf("%s.%s.%d", q.ID, nameOf(c.Self()), r.numBack), body: q,
		then: func() { _ = m.Ack() },
	})
}

func (r *rolloutActor) start(c actor.Context, m delivered, q message.GroupRequested) {
	root, self := c.ActorSystem().Root, c.Self()
	err := r.engine.Submit(rollout.Request{
		ID: q.ID, Problem: q.Problem, Prompt: q.Prompt, Samples: q.Samples, MaxTokens: q.MaxTokens,
		Temperature: q.Temperature, StopStrings: q.Stops, Version: q.Version,
		Done: func(g trajectory.Group, err error) { root.Send(self, groupDone{group: g, err: err}) },
	})
	if err != nil {
		c.Send(c.Parent(), failed{actor: instanceRollout, err: fmt.Errorf("submit a group: %w", err)})
		return
	}
	r.held[q.ID] = held{from: m, request: q, started: time.Now()}
}

func (r *rolloutActor) onGroupDone(c actor.Context, m groupDone) {
	h, ok := r.held[m.group.ID]
	if !ok {
		return
	}
	delete(r.held, m.group.ID)
	defer r.advance(c)
	defer c.Request(r.gateway, grant{credit: 1})
	if m.err != nil {
		_ = h.from.Nak(0)
		return
	}
	q := h.request
	c.Send(r.gateway, enqueue{
		verb: queueCompleted, instance: instanceVerifier, id: h.from.id,
		body: message.GroupCompleted{
			GroupHeader: q.GroupHeader, Group: m.group, Node: r.node, Seconds: time.Since(h.started).Seconds(),
		},
		then: func() { _ = h.from.Ack() },
	})
}
