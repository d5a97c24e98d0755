package actors

import (
	"sort"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/learner"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// openBatch tells the buffer which step of a stage is gathered next. Groups of
// other steps are acked and dropped.
type openBatch struct {
	stage   string
	step    int
	groups  int
	version policy.Version
	shape   reward.TextShape // what verdicts earn
	to      *actor.PID
}

// batchReady is the groups of a step, in the order of their slots. Slots whose
// group was cancelled are left out.
type batchReady struct {
	stage  string
	step   int
	groups []gatheredGroup
	stats  batchStats
}

// gatheredGroup is a group with what the verifier said of each trajectory.
type gatheredGroup struct {
	learner.RewardedGroup
	verdicts []reward.Verdict
}

// batchStats counts verdicts apart, so that a broken verifier never looks like
// a wrong policy.
type batchStats struct {
	right, wrong, unparsable, failed int
	cancelled                        int // groups
	tokens                           int
	failure                          string // why the first failed one failed
}

// buffer gathers verified groups into batches. It admits a group by its
// staleness: the versions between the one that drew its oldest token and the
// one that learns from it.
type buffer struct {
	gateway      *actor.PID
	maxStaleness policy.Version
	open         openBatch
	groups       map[int]gatheredGroup
	cancelled    map[int]bool
	stats        batchStats
}

func newBuffer(gateway *actor.PID) *buffer { return &buffer{gateway: gateway} }

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
	b.groups = make(map[int]gatheredGroup, m.groups)
	b.cancelled = map[int]bool{}
	b.stats = batchStats{}
}

func (b *buffer) onDelivered(c actor.Context, m delivered) {
	switch v := m.body.(type) {
	case message.GroupVerified:
		if b.awaits(v.GroupHeader) && b.fresh(v.Group) {
			b.groups[v.Slot] = b.rewarded(v)
		}
	case message.GroupCancelled:
		if b.awaits(v.GroupHeader) {
			b.cancelled[v.Slot] = true
			b.stats.cancelled++
		}
	}
	_ = m.Ack()
	c.Request(b.gateway, grant{credit: 1})
	if b.open.groups > 0 && len(b.groups)+len(b.cancelled) == b.open.groups {
		c.Send(b.open.to, b.batch())
		b.open = openBatch{}
		b.groups = nil
	}
}

// awaits reports whether a group belongs to the open batch and has not ended
// before.
func (b *buffer) awaits(h message.GroupHeader) bool {
	if h.Stage != b.open.stage || h.Step != b.open.step || h.Slot < 0 || h.Slot >= b.open.groups {
		return false
	}
	_, known := b.groups[h.Slot]
	return !known && !b.cancelled[h.Slot]
}

// fresh reports whether no token of a group is too stale to learn from.
func (b *buffer) fresh(g trajectory.Group) bool {
	for _, t := range g.Trajectories {
		for _, version := range t.Versions {
			if b.open.version-version > b.maxStaleness {
				return false
			}
		}
	}
	return true
}

func (b *buffer) rewarded(v message.GroupVerified) gatheredGroup {
	g := gatheredGroup{RewardedGroup: learner.RewardedGroup{Group: v.Group}}
	for i, verdict := range v.Verdicts {
		r, counted := b.open.shape.Reward(verdict.Verdict, v.Group.Trajectories[i].Text)
		g.Rewards = append(g.Rewards, r)
		g.Counted = append(g.Counted, counted)
		g.verdicts = append(g.verdicts, verdict.Verdict)
		b.stats.count(verdict)
		b.stats.tokens += len(v.Group.Trajectories[i].Completion)
	}
	return g
}

func (s *batchStats) count(v message.Verdict) {
	switch v.Verdict {
	case reward.Right:
		s.right++
	case reward.Wrong:
		s.wrong++
	case reward.Unparsable:
		s.unparsable++
	case reward.Failed:
		if s.failed++; s.failed == 1 {
			s.failure = v.Reason
		}
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
