package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/evaluation"
)

// examine asks the evaluator to score the present policy on requests: one group
// a problem, greedy or sampled.
type examine struct {
	at       standing
	requests []message.GroupRequested
	to       *actor.PID
}

// examined is the score of a policy.
type examined struct {
	at      standing
	greedy  []evaluation.Item
	sampled []evaluation.Item
}

// evaluator scores policies on held-out problems. Its groups go through the
// same queues, rollouts and verifiers as training's.
type evaluator struct {
	gateway *actor.PID
	open    examine
	missing map[string]bool
	groups  map[string]message.GroupVerified
}

// Receive implements actor.Actor.
func (e *evaluator) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		c.Send(e.gateway, take{verb: queueVerified, instance: instanceEvaluator, to: c.Self(), credit: evaluatorCredit})
	case examine:
		e.onExamine(c, m)
	case delivered:
		e.onDelivered(c, m)
	}
}

func (e *evaluator) onExamine(c actor.Context, m examine) {
	e.open = m
	e.missing = make(map[string]bool, len(m.requests))
	e.groups = make(map[string]message.GroupVerified, len(m.requests))
	for _, q := range m.requests {
		e.missing[q.ID] = true
		c.Send(e.gateway, enqueue{verb: queueRequested, instance: instanceRollout, id: q.ID, body: q})
	}
	e.finish(c)
}

func (e *evaluator) onDelivered(c actor.Context, m delivered) {
	switch v := m.body.(type) {
	case message.GroupVerified:
		if e.missing[v.ID] {
			e.groups[v.ID] = v
			delete(e.missing, v.ID)
		}
	case message.GroupCancelled:
		delete(e.missing, v.ID)
	}
	_ = m.Ack()
	c.Request(e.gateway, grant{credit: 1})
	e.finish(c)
}

// finish reports once nothing is missing.
func (e *evaluator) finish(c actor.Context) {
	if e.open.to == nil || len(e.missing) > 0 {
		return
	}
	out := examined{at: e.open.at}
	for _, q := range e.open.requests {
		v, ok := e.groups[q.ID]
		if !ok {
			continue // cancelled: it says nothing about the policy
		}
		item := itemOf(v)
		if q.Temperature == 0 {
			out.greedy = append(out.greedy, item)
		} else {
			out.sampled = append(out.sampled, item)
		}
	}
	c.Send(e.open.to, out)
	e.open, e.groups = examine{}, nil
}

func itemOf(v message.GroupVerified) evaluation.Item {
	item := evaluation.Item{Problem: v.Group.Problem}
	for i, t := range v.Group.Trajectories {
		item.Completions = append(item.Completions, evaluation.Completion{
			Verdict: v.Verdicts[i].Verdict,
			Tokens:  len(t.Completion),
			Finish:  t.Finish,
			Text:    t.Text,
		})
	}
	return item
}
