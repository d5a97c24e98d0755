package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/actors/message"
)

// startStage tells the learner to carry out a stage, from its newest
// checkpoint where there is one. A finished stage is only loaded.
type startStage struct{ stage string }

// stopStage tells the learner to save at the next step boundary and go quiet.
type stopStage struct{}

// stageFinished tells the node that a stage's policy is final, saved and in the
// shared weights.
type stageFinished struct {
	at     standing
	digest string
}

// stageStopped tells the node that the learner has saved and is quiet.
type stageStopped struct{}

// settleRecords asks the node to have on the disk what was reported to it; it
// answers with recordsSettled, and only then is a checkpoint written: what a
// checkpoint has is never without its records.
type (
	settleRecords  struct{ final bool }
	recordsSettled struct{ final bool }
)

// What comes back from the learner's background.
type (
	sessionOpened struct {
		session *session
		err     error
	}
	stepDone struct {
		values map[string]float64
		sample *message.SampleReported
		alarm  *alarm
		err    error
	}
	versionRead struct {
		weights []float32
		err     error
	}
	sessionSaved struct {
		final  bool
		digest string
		err    error
	}
)

// learnerActor owns the weights, the optimizer and the position in the data.
// All arithmetic is done by a session on its background; the actor decides what
// comes next: a step, a checkpoint, an evaluation, the end.
type learnerActor struct {
	node, curriculum, buffer, evaluator *actor.PID
	workshop                            *workshop
	work                                *background

	session  *session
	pending  []examine // versions that the next checkpoint puts aside
	busy     bool      // a job or a request is under way, which comes back as a message
	final    bool      // the checkpoint being written ends its stage
	stopping bool
	stopped  bool
}

// Receive implements actor.Actor.
func (l *learnerActor) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		l.work = newBackground(c)
	case startStage:
		before := l.session
		l.do(func() any {
			if before != nil {
				before.close()
			}
			s, err := l.workshop.open(m.stage)
			return sessionOpened{session: s, err: err}
		})
	case sessionOpened:
		l.onSessionOpened(c, m)
	case batchReady:
		l.onBatchReady(m)
	case stepDone:
		l.onStepDone(c, m)
	case reserved:
		l.onReserved(m)
	case versionRead:
		l.onVersionRead(c, m)
	case sessionSaved:
		l.onSessionSaved(c, m)
	case provideWeights:
		l.onProvideWeights(c, m)
	case stopStage:
		l.stopping = true
		if !l.busy {
			l.save(c, false)
		}
	case pendingVersions:
		l.pending = m.versions
		c.Request(l.node, settleRecords{final: l.final})
	case recordsSettled:
		l.onRecordsSettled(m)
	case *actor.Stopping:
		l.work.close()
	}
}

// do queues work that comes back as one message.
func (l *learnerActor) do(job func() any) {
	l.busy = true
	l.work.do(job)
}

func (l *learnerActor) onProvideWeights(c actor.Context, m provideWeights) {
	root, sender, s := c.ActorSystem().Root, c.Sender(), l.session
	l.work.do(func() any {
		published, err := l.workshop.provide(s, m.at)
		if err != nil {
			l.workshop.warn("weights not provided to a node", err)
			root.Send(sender, err)
		} else {
			root.Send(sender, published)
		}
		return nil
	})
}

// fail reports an error that ends the run. Nothing is lost but the step under
// way: the newest checkpoint stands.
func (l *learnerActor) fail(c actor.Context, err error) bool {
	if err == nil {
		return false
	}
	l.stopped = true
	c.Send(l.node, failed{actor: instanceLearner, err: err})
	return true
}

func (l *learnerActor) onSessionOpened(c actor.Context, m sessionOpened) {
	l.busy = false
	if l.fail(c, m.err) {
		return
	}
	l.session = m.session
	s := m.session
	c.Send(l.node, stageOpened{at: s.at(), numSteps: s.numSteps(), kind: s.kind(), resumed: s.step > 0 && !s.final})
	if s.final {
		c.Send(l.node, stageFinished{at: s.at(), digest: s.digest})
		return
	}
	l.advance(c)
}

// advance starts what follows a step boundary.
func (l *learnerActor) advance(c actor.Context) {
	s := l.session
	switch {
	case s.step == s.numSteps():
		l.save(c, true)
	case l.stopping && s.queued == 0:
		l.save(c, false)
	case s.queued == 0 && s.probeDue():
		c.Request(l.evaluator, reserve{at: s.at()})
	default:
		l.next(c)
	}
}

// next starts the next step: at once on text, by asking for groups in RL.
func (l *learnerActor) next(c actor.Context) {
	s := l.session
	if s.mid != nil {
		more := !l.stopping
		l.do(func() any { return s.trainStep(more) })
		return
	}
	rl := rlOf(s.stage)
	c.Send(l.buffer, openBatch{stage: s.stage.Name, step: s.step + 1, groups: rl.GroupsPerStep, version: s.at().version(), shape: l.workshop.materials.shapes[s.stage.Name], to: c.Self()})
	c.Send(l.curriculum, openStep{at: s.at()})
}

func (l *learnerActor) onBatchReady(m batchReady) {
	s := l.session
	if l.stopping || s == nil || m.stage != s.stage.Name || m.step != s.step+1 {
		return
	}
	l.do(func() any { return s.policyStep(m) })
}

func (l *learnerActor) onStepDone(c actor.Context, m stepDone) {
	l.busy = false
	if l.fail(c, m.err) {
		return
	}
	s := l.session
	c.Send(l.node, stepReported{at: s.at(), numSteps: s.numSteps(), kind: s.kind(), values: m.values, sample: m.sample, alarm: m.alarm})
	if s.step < s.numSteps() && s.checkpointDue() {
		l.save(c, false)
		return
	}
	l.advance(c)
}

// onReserved copies the weights for the evaluator: the only part of evaluation that
// the steps wait for, unless the evaluator has as many versions as it may hold.
func (l *learnerActor) onReserved(m reserved) {
	s := l.session
	if l.stopping || l.stopped || l.busy || m.at != s.at() {
		return
	}
	l.do(func() any {
		weights, err := l.workshop.policy.ReadWeights()
		return versionRead{weights: weights, err: err}
	})
}

func (l *learnerActor) onVersionRead(c actor.Context, m versionRead) {
	l.busy = false
	if l.fail(c, m.err) {
		return
	}
	s := l.session
	s.probed = s.step
	c.Send(l.evaluator, examine{at: s.at(), weights: m.weights})
	l.advance(c)
}

// save writes a checkpoint once the records of its steps are on the disk. First it
// asks what is not scored yet: what is scored meanwhile is then in the records or
// in the answer.
func (l *learnerActor) save(c actor.Context, final bool) {
	l.busy, l.final = true, final
	c.Request(l.evaluator, listPending{})
}

func (l *learnerActor) onRecordsSettled(m recordsSettled) {
	s := l.session
	if s == nil || s.final {
		l.do(func() any { return sessionSaved{} })
		return
	}
	pending := l.pending
	l.pending = nil
	l.do(func() any {
		digest, err := s.save(m.final, pending)
		return sessionSaved{final: m.final, digest: digest, err: err}
	})
}

func (l *learnerActor) onSessionSaved(c actor.Context, m sessionSaved) {
	l.busy = false
	if l.fail(c, m.err) {
		return
	}
	switch {
	case m.final:
		c.Send(l.node, stageFinished{at: l.session.at(), digest: m.digest})
	case l.stopping:
		l.stopped = true
		c.Send(l.node, stageStopped{})
	default:
		l.advance(c)
	}
}
