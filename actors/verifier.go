package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/reward"
)

// verifyDeadline is the hard limit for one verification.
const verifyDeadline = 2 * time.Second

// verifierCredit is how many groups one verifier holds at a time.
const verifierCredit = 4

// verifier turns completed groups into verified ones. It keeps nothing: a group
// that it was verifying when it died is delivered to another.
type verifier struct {
	gateway *actor.PID
	verify  reward.Verifier
	work    *background
}

// groupVerified comes back from the background with the delivery to ack.
type groupVerified struct {
	from     delivered
	replyTo  string
	verified message.GroupVerified
}

// Receive implements actor.Actor.
func (v *verifier) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		v.work = newBackground(c)
		c.Send(v.gateway, take{verb: queueCompleted, instance: instanceVerifier, to: c.Self(), credit: verifierCredit})
	case delivered:
		v.onDelivered(c, m)
	case groupVerified:
		c.Send(v.gateway, enqueue{
			verb: queueVerified, instance: m.replyTo, id: m.from.id, body: m.verified,
			then: func() { _ = m.from.Ack() },
		})
		c.Request(v.gateway, grant{credit: 1})
	case *actor.Stopping:
		v.work.close()
	}
}

func (v *verifier) onDelivered(c actor.Context, m delivered) {
	g, ok := m.body.(message.GroupCompleted)
	if !ok {
		_ = m.Term("not a completed group")
		c.Request(v.gateway, grant{credit: 1})
		return
	}
	v.work.do(func() any {
		return groupVerified{from: m, replyTo: g.ReplyTo, verified: verifyGroup(v.verify, g)}
	})
}

// verifyGroup verifies each trajectory of g under a deadline of its own.
func verifyGroup(v reward.Verifier, g message.GroupCompleted) message.GroupVerified {
	out := message.GroupVerified{
		GroupHeader: g.GroupHeader, Group: g.Group, Node: g.Node, Seconds: g.Seconds,
	}
	for _, t := range g.Group.Trajectories {
		ctx, cancel := context.WithTimeout(context.Background(), verifyDeadline)
		r := v.Verify(ctx, g.Group.Problem, t.Text)
		cancel()
		out.Verdicts = append(out.Verdicts, message.Verdict{Verdict: r.Verdict, Extracted: r.Extracted, Reason: r.Reason})
	}
	return out
}
