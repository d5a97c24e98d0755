package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/actors/message"
)

// What the learner tells the node.
type (
	stageOpened struct {
		at       standing
		numSteps int
		kind     string
		resumed  bool
	}
	stepReported struct {
		at       standing
		numSteps int
		kind     string
		values   map[string]float64
		sample   *message.SampleReported
		alarm    *alarm
	}
)

// stopRun asks the head node to bring the run to a step boundary and end it.
type stopRun struct{}

// outcome is how a run ended.
type outcome struct {
	stopped bool // by request, before its end
	err     error
}

// headNode leads a run: it starts the other actors, hands the learner one stage
// after another, has each finished stage evaluated, and keeps the records. It
// holds nothing that the run directory does not.
type headNode struct {
	crew     crew
	scribe   *scribe
	end      func(outcome) // tells whoever waits for the end of the run
	stages   []string      // still to start, first first
	pending  []examine     // versions that a former process left unscored
	open     int           // stages that have ended and are not scored
	learner  *actor.PID
	eval     *actor.PID
	gateway  *actor.PID
	opened   stageOpened
	started  time.Time
	training bool // a stage is under way
	ended    bool
	stopping bool
}

// Receive implements actor.Actor.
func (n *headNode) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		n.onStarted(c)
	case stageOpened:
		n.onStageOpened(c, m)
	case stepReported:
		n.onStepReported(c, m)
	case stageFinished:
		n.onStageFinished(c, m)
	case examined:
		n.onExamined(c, m)
	case settleRecords:
		n.check(n.scribe.settle())
		c.Respond(recordsSettled(m))
	case flushed:
		n.finish(outcome{})
	case stopRun:
		n.onStopRun(c)
	case stageStopped:
		n.finish(outcome{stopped: true})
	case failed:
		n.check(m.report())
	}
}

func (n *headNode) onStarted(c actor.Context) {
	n.gateway = n.crew.spawnGateway(c)
	n.scribe.announce = func(noun, verb string, body any) {
		c.ActorSystem().Root.Send(n.gateway, announce{noun: noun, verb: verb, body: body})
	}
	if err := n.crew.spawnWorkers(c, n.gateway); err != nil {
		n.check(err)
		return
	}
	n.eval = n.crew.spawn(c, instanceEvaluator, func() actor.Actor {
		return &evaluator{scorer: n.crew.scorer, backlog: n.crew.materials.recipe.Evaluation.Backlog}
	})
	for _, e := range n.pending {
		c.Send(n.eval, e)
	}
	curriculum := n.crew.spawn(c, "curriculum", func() actor.Actor {
		return &curriculum{gateway: n.gateway, materials: n.crew.materials}
	})
	buffer := n.crew.spawn(c, instanceBuffer, func() actor.Actor { return newBuffer(n.gateway) })
	n.learner = n.crew.spawn(c, instanceLearner, func() actor.Actor {
		return &learnerActor{node: c.Self(), curriculum: curriculum, buffer: buffer, evaluator: n.eval, workshop: n.crew.workshop}
	})
	n.nextStage(c)
}

// nextStage starts the next stage, unless one is under way. Scoring the one before
// goes on meanwhile; after the last one the run waits for it.
func (n *headNode) nextStage(c actor.Context) {
	switch {
	case n.training:
	case len(n.stages) > 0:
		stage := n.stages[0]
		n.stages = n.stages[1:]
		n.training = true
		c.Send(n.learner, startStage{stage: stage})
	case n.open == 0:
		n.check(n.scribe.finish())
		c.Request(n.gateway, flush{}) // stopping would overtake the news of the end
	}
}

func (n *headNode) onStopRun(c actor.Context) {
	if n.ended {
		return // of itself, perhaps before there was a learner
	}
	n.stopping = true
	c.Send(n.learner, stopStage{})
}

func (n *headNode) onStageOpened(c actor.Context, m stageOpened) {
	n.opened, n.started = m, time.Now()
	n.check(n.scribe.stageOpened(m))
}

func (n *headNode) onStepReported(c actor.Context, m stepReported) {
	n.check(n.scribe.step(m))
	n.sound(m.at, m.alarm)
}

// sound raises an alarm, where there is one.
func (n *headNode) sound(at standing, a *alarm) {
	if a == nil {
		return
	}
	n.crew.log.Warn().Str("stage", at.stage).Int("step", at.step).Int("failed", a.failed).Int("trajectories", a.judged).
		Str("reason", a.reason).Msg("verifier failed: these trajectories are left out")
	n.check(n.scribe.alarm(at, *a))
}

func (n *headNode) onStageFinished(c actor.Context, m stageFinished) {
	n.check(n.scribe.stageFinished(m, time.Since(n.started)))
	if n.stopping {
		n.finish(outcome{stopped: true})
		return
	}
	n.training = false
	n.open++
	c.Send(n.eval, examine{at: m.at, final: true, folder: n.crew.workshop.dir.final(m.at.stage)})
	n.nextStage(c)
}

func (n *headNode) onExamined(c actor.Context, m examined) {
	n.sound(m.at, m.alarm)
	if !m.final {
		n.check(n.scribe.probe(m))
		return
	}
	n.check(n.scribe.examined(m))
	n.open--
	if !n.stopping && !n.ended {
		n.nextStage(c)
	}
}

// check ends the run where err is not nil.
func (n *headNode) check(err error) {
	if err != nil {
		n.finish(outcome{err: err})
	}
}

func (n *headNode) finish(o outcome) {
	if !n.ended {
		n.ended = true
		n.end(o)
	}
}
