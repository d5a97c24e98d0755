package actors

import (
	"context"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/reward"
)

// verifierCredit is how many groups one verifier holds at a time.
const verifierCredit = 4

// verifier turns completed groups into verified ones. It keeps nothing: a group
// that it was verifying when it died is delivered to another.
type verifier struct {
	gateway *actor.PID
	judges  judges
	log     zerolog.Logger

	held    map[string]lease // of groups that wait or are being verified
	work    []*background    // of which those free take groups whose verifier is outside the process
	busy    []bool
	renewal *time.Timer
	ctx     context.Context // of the verifications
	cancel  context.CancelFunc
}

// groupVerified comes back from the background with the delivery to ack.
type groupVerified struct {
	from     delivered
	slot     int // of the background
	replyTo  string
	verified message.GroupVerified
}

// Receive implements actor.Actor.
func (v *verifier) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		v.held = map[string]lease{}
		for range verifierCredit {
			v.work = append(v.work, newBackground(c))
		}
		v.busy = make([]bool, verifierCredit)
		v.ctx, v.cancel = context.WithCancel(context.Background())
		v.renew(c)
		c.Send(v.gateway, take{verb: queueCompleted, instance: instanceVerifier, to: c.Self(), credit: verifierCredit})
	case delivered:
		v.onDelivered(c, m)
	case groupVerified:
		v.onGroupVerified(c, m)
	case extendLeases:
		for _, l := range v.held {
			_ = l.Extend()
		}
		v.renew(c)
	case *actor.Stopping:
		v.renewal.Stop()
		v.cancel()
		for _, w := range v.work {
			w.close()
		}
	}
}

// renew asks for the leases to be extended before they run out: a verifier
// outside the process may take longer than they last.
func (v *verifier) renew(c actor.Context) {
	root, self := c.ActorSystem().Root, c.Self()
	v.renewal = time.AfterFunc(leaseTime/3, func() { root.Send(self, extendLeases{}) })
}

func (v *verifier) onDelivered(c actor.Context, m delivered) {
	g, ok := m.body.(message.GroupCompleted)
	if !ok {
		_ = m.Term("not a completed group")
		c.Request(v.gateway, grant{credit: 1})
		return
	}
	j := v.judges[g.Stage]
	if j.verify == nil {
		_ = m.Term("of a stage that this run does not have")
		c.Request(v.gateway, grant{credit: 1})
		return
	}
	v.held[m.id] = m.lease
	ctx, slot := v.ctx, 0
	if j.settings.Outside() { // one that hangs does not keep the other groups waiting
		slot = max(slices.Index(v.busy, false), 0)
		v.busy[slot] = true
	}
	v.work[slot].do(func() any {
		verified := j.verifyGroup(ctx, g)
		if ctx.Err() != nil {
			return nil // stopping: another verifier gets the group
		}
		return groupVerified{from: m, slot: slot, replyTo: g.ReplyTo, verified: verified}
	})
}

func (v *verifier) onGroupVerified(c actor.Context, m groupVerified) {
	delete(v.held, m.from.id)
	v.busy[m.slot] = false
	if n, reason := failures(m.verified.Verdicts); n > 0 {
		v.log.Warn().Str("group", m.verified.ID).Str("stage", m.verified.Stage).Int("step", m.verified.Step).
			Int("failed", n).Int("trajectories", len(m.verified.Verdicts)).Str("reason", reason).Msg("verifier failed")
	}
	c.Send(v.gateway, enqueue{
		verb: queueVerified, instance: m.replyTo, id: m.from.id, body: m.verified,
		then: func() { _ = m.from.Ack() },
	})
	c.Request(v.gateway, grant{credit: 1})
}

// failures counts the failed verdicts and returns why the first failed.
func failures(verdicts []message.Verdict) (n int, reason string) {
	for _, v := range verdicts {
		if v.Verdict != reward.Failed {
			continue
		}
		if n++; n == 1 {
			reason = v.Reason
		}
	}
	return n, reason
}

// verifyGroup verifies each trajectory of g under a deadline of its own.
func (j judge) verifyGroup(ctx context.Context, g message.GroupCompleted) message.GroupVerified {
	out := message.GroupVerified{
		GroupHeader: g.GroupHeader, Group: g.Group, Node: g.Node, Seconds: g.Seconds,
	}
	for _, r := range j.all(ctx, g.Group) {
		out.Verdicts = append(out.Verdicts, message.Verdict{Verdict: r.Verdict, Extracted: r.Extracted, Reason: r.Reason})
	}
	return out
}
