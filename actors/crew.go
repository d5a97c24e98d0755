package actors

import (
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout"
)

// crew is what the actors of one process are made of.
type crew struct {
	run, node string
	bus       *bus.Bus
	log       zerolog.Logger
	materials *materials
	workshop  *workshop // the head's only
	scorer    scorer    // of the evaluator, the head's only

	rollouts, verifiers int
	newPolicy           func() (*policy.Policy, weightsSource, error)
}

// newSystem returns an actor system that logs through log.
func newSystem(log zerolog.Logger) *actor.ActorSystem {
	quiet := log.Level(zerolog.WarnLevel)
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(zerolog.NewSlogHandler(quiet))
	}))
}

// spawn starts a child of c.
func (w *crew) spawn(c actor.SpawnerContext, name string, produce func() actor.Actor) *actor.PID {
	pid, err := c.SpawnNamed(actor.PropsFromProducer(produce, actor.WithSupervisor(&escalation{})), name)
	if err != nil {
		panic(fmt.Sprintf("spawn %s: %v", name, err))
	}
	return pid
}

func (w *crew) spawnGateway(c actor.SpawnerContext) *actor.PID {
	return w.spawn(c, "gateway", func() actor.Actor { return newGateway(w) })
}

// spawnWorkers starts the rollouts and verifiers of this process.
func (w *crew) spawnWorkers(c actor.Context, gateway *actor.PID) error {
	for i := range w.verifiers {
		w.spawn(c, fmt.Sprintf("verifier-%d", i), func() actor.Actor {
			return &verifier{gateway: gateway, judges: w.materials.judges, log: w.log}
		})
	}
	for i := range w.rollouts {
		p, source, err := w.newPolicy()
		if err != nil {
			return err
		}
		engine, err := rollout.New(p, w.materials.engineConfig(p.Device().Info()))
		if err != nil {
			return fmt.Errorf("start rollout %d: %w", i, err)
		}
		w.spawn(c, fmt.Sprintf("rollout-%d", i), func() actor.Actor {
			return &rolloutActor{
				node: w.node, gateway: gateway, engine: engine, weights: source,
				credit: w.materials.sizes(p.Device().Info()).Groups, log: w.log,
			}
		})
	}
	return nil
}

// escalation is the supervision of every child: a panic is a bug, so it is
// reported and the run ends at its newest checkpoint, rather than going on from
// a state that nobody understands.
type escalation struct{}

// HandleFailure implements actor.SupervisorStrategy.
func (*escalation) HandleFailure(system *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, message any) {
	supervisor.StopChildren(child)
	system.Root.Send(&actor.PID{Address: child.Address, Id: nodeName}, failed{
		actor: nameOf(child), err: fmt.Errorf("panic on %T: %v", message, reason),
	})
}

// lastResort is the supervision of the node itself, which reports a panic to
// whoever waits for the end of the run.
type lastResort struct{ report func(error) }

// HandleFailure implements actor.SupervisorStrategy.
func (l *lastResort) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, message any) {
	supervisor.StopChildren(child)
	l.report(fmt.Errorf("%s: panic on %T: %v", nameOf(child), message, reason))
}

// spawnNode starts the actor that starts the others; report is told of its panic.
func spawnNode(system *actor.ActorSystem, produce func() actor.Actor, report func(error)) (*actor.PID, error) {
	pid, err := system.Root.SpawnNamed(actor.PropsFromProducer(produce,
		actor.WithSupervisor(&escalation{}), actor.WithGuardian(&lastResort{report: report})), nodeName)
	if err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	return pid, nil
}

const nodeName = "node"

// stopTree stops the node and all its children, and waits at most for the limit
// of the runtime's futures: an actor that hangs does not keep a process from
// ending.
func stopTree(system *actor.ActorSystem, node *actor.PID) {
	_ = system.Root.StopFuture(node).Wait()
}
