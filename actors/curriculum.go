package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/internal/config"
)

// openStep tells the curriculum that the policy stands at at, so that the next
// step's groups may start: its permits.
type openStep struct {
	at standing
}

// curriculum turns permits into group requests. Which problem a slot of a step
// gets is a pure function of the run's seed, so what is asked for after a
// resume is what would have been asked for without the stop.
type curriculum struct {
	gateway   *actor.PID
	materials *materials
}

// Receive implements actor.Actor.
func (u *curriculum) Receive(c actor.Context) {
	if m, ok := c.Message().(openStep); ok {
		u.onOpenStep(c, m)
	}
}

func (u *curriculum) onOpenStep(c actor.Context, m openStep) {
	for _, q := range u.materials.groupRequests(m.at) {
		c.Send(u.gateway, enqueue{verb: queueRequested, instance: instanceRollout, id: q.ID, body: q})
	}
}

// trainingProblems returns the stage's RL section; it panics for a stage that
// has none, since only the learner of an RL stage opens steps.
func rlOf(stage *config.Stage) *config.RL {
	if stage == nil || stage.RL == nil {
		panic("actors: a stage without rl has no groups")
	}
	return stage.RL
}
