package actors

import (
	"sort"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/learner"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/reward"
)

// openBatch tells the buffer which step of a stage is gathered next. Groups of
// other steps are acked and dropped.
type openBatch struct {
	stage   string
	step    int
	groups  int
	version policy.Version
	to      *actor.PID
}

// batchReady is the groups of a step, in the order of their slots.
type batchReady struct {
	stage  string
	step   int
	groups []learner.RewardedGroup
	stats  batchStats
}

// batchStats counts verdicts apart, so that a broken verifier never looks like
// a wrong policy.
type batchStats struct {
	right, wrong, unparsable, failed int
	tokens                           int
}

// buffer gathers verified groups into batches. It admits a group by its
// staleness: the versions between the one that drew its oldest token and the
// one that learns from it.
type buffer struct {
	gateway      *actor.PID
	shape        reward.Shape
	maxStaleness policy.Version
	open         openBatch
	groups       map[int]learner.RewardedGroup
	stats        batchStats
}

func newBuffer(gateway *actor.PID, shape reward.Shape) *buffer {
	return &buffer{gateway: gateway, shape: shape}
}

// Receive implements actor.Actor.
func (b *buffer) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		c.Send(b.gateway, take{verb: queueVerified, instance: instanceBuffer, to: c.Self(), credit: bufferCredit})
	case openBatch:
		b.onOpenBatch(m)
	case delivered:
		b.onDelivered(c, m)
	}
}

func (b *buffer) onOpenBatch(m openBatch) {
	b.open = m
	b.groups = make(map[int]learner.RewardedGroup, m.groups)
	b.stats = batchStats{}
}

func (b *buffer) onDelivered(c actor.Context, m delivered) {
	if v, ok := m.body.(message.GroupVerified); ok && b.admits(v) {
		b.groups[v.Slot] = b.rewarded(v)
	}
	_ = m.Ack()
	c.Request(b.gateway, grant{credit: 1})
	if b.open.groups > 0 && len(b.groups) == b.open.groups {
		c.Send(b.open.to, b.batch())
		b.open = openBatch{}
		b.groups = nil
	}
}

// admits reports whether a group belongs to the open batch, is new, and is not
// stale.
func (b *buffer) admits(v message.GroupVerified) bool {
	if v.Stage != b.open.stage || v.Step != b.open.step || v.Slot < 0 || v.Slot >= b.open.groups {
		return false
	}
	if _, known := b.groups[v.Slot]; known {
		return false
	}
	for _, t := range v.Group.Trajectories {
		for _, version := range t.Versions {
			if b.open.version-version > b.maxStaleness {
				return false
			}
		}
	}
	return true
}

func (b *buffer) rewarded(v message.GroupVerified) learner.RewardedGroup {
	g := learner.RewardedGroup{Group: v.Group}
	for i, verdict := range v.Verdicts {
		r, counted := b.shape.Reward(verdict.Verdict)
		g.Rewards = append(g.Rewards, r)
		g.Counted = append(g.Counted, counted)
		b.stats.count(verdict.Verdict)
		b.stats.tokens += len(v.Group.Trajectories[i].Completion)
	}
	return g
}

func (s *batchStats) count(v reward.Verdict) {
	switch v {
	case reward.Right:
		s.right++
	case reward.Wrong:
		s.wrong++
	case reward.Unparsable:
		s.unparsable++
	case reward.Failed:
		s.failed++
	}
}

func (b *buffer) batch() batchReady {
	slots := make([]int, 0, len(b.groups))
	for slot := range b.groups {
		slots = append(slots, slot)
	}
	sort.Ints(slots)
	ready := batchReady{stage: b.open.stage, step: b.open.step, stats: b.stats}
	for _, slot := range slots {
		ready.groups = append(ready.groups, b.groups[slot])
	}
	return ready
}
