package actors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/evaluation/candidate"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// ErrStopped is returned when a run was stopped before its end. The same command
// resumes it.
var ErrStopped = errors.New("run stopped before its end")

// Options say where and how a recipe is run.
type Options struct {
	Directory string // of the run; made when missing
	Device    kernels.Device
	Log       zerolog.Logger

	Listen string // host:port that other nodes may join at; empty for no socket
	URL    string // an external bus instead of the embedded one
	Token  string // secret of the bus

	// Watch, where given, receives the run's messages for watchers, as *message
	// types, from one goroutine. It must not block.
	Watch func(body any)
	// EvaluateOn is the device on which versions are scored beside training; default
	// Device. One with fewer threads leaves the learner the others.
	EvaluateOn kernels.Device
	// Lead keeps rollouts and verifiers out of this process: joining nodes do
	// all of their work.
	Lead bool

	// Joinable, where given, is told the URL at which nodes can join.
	Joinable func(url string)

	rescore  func(scorer) scorer             // wraps the evaluator's in tests; nil for none
	answered func(at standing, s exam.State) // told in tests of what the evaluator has answered; nil for nobody
}

// Run carries out a recipe in a directory, from where the directory stands, and
// returns the evaluations of its stages. When ctx ends it stops at the next step
// boundary and returns ErrStopped. It returns ErrOtherRecipe, ErrInUse, and the
// errors of the bus, the disk and the device, each with a remedy.
func Run(ctx context.Context, r *config.Recipe, o Options) (*Results, error) {
	resolved, err := r.Resolved()
	if err != nil {
		return nil, err
	}
	d, err := openDirectory(o.Directory, r)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	stages, err := d.unfinished(r)
	if err != nil {
		return nil, err
	}
	if len(stages) > 0 {
		h := &head{recipe: r, resolved: resolved, dir: d, options: o, stages: stages}
		if err := h.run(ctx); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(d.report()); err != nil || len(stages) > 0 {
		if err := writeReport(d, r); err != nil {
			return nil, err
		}
	}
	return ReadResults(o.Directory)
}

// head is a run in progress in this process.
type head struct {
	recipe   *config.Recipe
	resolved []byte
	dir      *directory
	options  Options
	stages   []string // to do, in order

	materials *materials
	exams     exams
	policy    *policy.Policy
	bus       *bus.Bus
	recorded  map[standing]bool // evaluations that need not be made again
}

func (h *head) run(ctx context.Context) error {
	var err error
	// First of all: an address that is taken, or problems that are not at hand, should
	// cost no time and leave no trace.
	if err := bus.Check(h.busConfig()); err != nil {
		h.dir.discard()
		return err
	}
	if h.exams, err = newExams(h.recipe); err != nil {
		h.dir.discard()
		return err
	}
	if err := h.dir.settle(h.recipe); err != nil {
		return err
	}
	if h.materials, err = newMaterials(h.recipe, h.dir.tokenizer()); err != nil {
		return err
	}
	if h.policy, err = policy.New(h.options.Device, h.materials.config); err != nil {
		return err
	}
	defer h.policy.Free()
	if err := h.exams.check(h.recipe, &candidate.Candidate{Policy: h.policy, Tokenizer: h.materials.tokenizer}); err != nil {
		return err
	}
	// Not before the run can be announced: nodes that wait for it would give up.
	if h.bus, err = h.openBus(); err != nil {
		return err
	}
	defer h.closeBus()
	s, err := openScribe(h.recipe.Name, h.dir, h.recipe, h.stages)
	if err != nil {
		return err
	}
	defer s.close()
	h.recorded = s.recorded
	pending, err := h.unscored()
	if err != nil {
		return err
	}
	stop, err := h.watch()
	if err != nil {
		return err
	}
	defer stop()
	if err := h.lead(ctx, pending, s); err != nil {
		return err
	}
	if err := h.bus.Delete(runsBucket, h.recipe.Name); err != nil { // nobody need join any more
		h.options.Log.Warn().Err(err).Msg("the run is still announced on the bus")
	}
	return nil
}

// closeBus closes the bus and removes what an embedded one kept on disk.
func (h *head) closeBus() {
	h.bus.Close()
	os.RemoveAll(h.dir.bus())
}

func (h *head) busConfig() bus.Config {
	o := h.options
	return bus.Config{
		URL: o.URL, Listen: o.Listen, StoreDir: h.dir.bus(), Name: h.recipe.Name, Token: o.Token,
		OnEvent: func(e bus.Event) { o.Log.Debug().Err(e.Err).Str("event", string(e.Kind)).Msg("bus") },
	}
}

// openBus opens the bus with empty queues: what was under way when the run was
// last stopped is asked for again.
func (h *head) openBus() (*bus.Bus, error) {
	if err := os.RemoveAll(h.dir.bus()); err != nil {
		return nil, fmt.Errorf("clear the bus of the run: %w", err)
	}
	b, err := bus.Open(h.busConfig())
	if err != nil {
		return nil, err
	}
	for _, prepare := range []func() error{
		func() error { return openQueues(b, h.recipe.Name) },
		func() error { return clearQueues(b, h.recipe.Name) },
		func() error { return h.publish(b) },
	} {
		if err := prepare(); err != nil {
			b.Close()
			return nil, err
		}
	}
	if o := h.options; o.Joinable != nil && o.Listen != "" {
		o.Joinable(b.URL())
	}
	return b, nil
}

// watch tells the watcher which stages were finished before, then all that comes.
func (h *head) watch() (stop func(), err error) {
	if h.options.Watch == nil {
		return func() {}, nil
	}
	for _, s := range h.recipe.Stages {
		if !slices.Contains(h.stages, s.Name) {
			h.options.Watch(message.StageReported{Stage: s.Name, State: message.Finished, Step: s.NumSteps(), NumSteps: s.NumSteps()})
		}
	}
	return watchRun(h.bus, h.recipe.Name, h.options.Watch)
}

// lead starts the actors and waits for the end of the run.
func (h *head) lead(ctx context.Context, pending []examine, s *scribe) error {
	system := newSystem(h.options.Log)
	defer system.Shutdown()
	done := make(chan outcome, 1)
	end := func(o outcome) {
		select {
		case done <- o:
		default: // the first counts
		}
	}
	stopServing, err := h.serveWeights(system)
	if err != nil {
		return err
	}
	defer stopServing()
	node, err := spawnNode(system, func() actor.Actor {
		return &headNode{crew: h.crew(), scribe: s, end: end, stages: h.stages, pending: pending}
	}, func(err error) { end(outcome{err: err}) })
	if err != nil {
		return err
	}
	defer stopTree(system, node)
	select {
	case o := <-done:
		return o.result()
	case <-ctx.Done():
	}
	system.Root.Send(node, stopRun{})
	return (<-done).result()
}

func (o outcome) result() error {
	if o.err == nil && o.stopped {
		return ErrStopped
	}
	return o.err
}

// unscored returns the pending versions whose evaluation is neither recorded nor
// made again by the steps that the run repeats, and removes the others, and the answers
// of what is recorded.
func (h *head) unscored() ([]examine, error) {
	pending, begun, err := h.dir.pendingVersions()
	if err != nil {
		return nil, err
	}
	for _, at := range begun {
		if h.recorded[at] || h.recipe.Stage(at.stage) == nil {
			if err := h.dir.dropPending(at); err != nil {
				return nil, err
			}
		}
	}
	var open []examine
	for _, e := range pending {
		if h.recorded[e.at] || h.recipe.Stage(e.at.stage) == nil || e.at.step > h.dir.reached(e.at.stage) {
			if err := os.RemoveAll(e.file); err != nil {
				return nil, fmt.Errorf("remove pending version: %w", err)
			}
			continue
		}
		open = append(open, e)
		h.recorded[e.at] = true // as good as: it is in the evaluator's queue
	}
	return open, nil
}

// scorer returns what scores versions, on a device that may be its own.
func (h *head) scorer() scorer {
	device := h.options.EvaluateOn
	if device == nil {
		device = h.options.Device
	}
	var s scorer = &examiner{
		device: device, materials: h.materials, exams: h.exams, dir: h.dir, log: h.options.Log, answered: h.options.answered,
	}
	if h.options.rescore != nil {
		s = h.options.rescore(s)
	}
	return s
}

func (h *head) crew() crew {
	log := h.options.Log
	return crew{
		run: h.recipe.Name, node: headName, bus: h.bus, log: log, materials: h.materials,
		workshop: &workshop{
			dir: h.dir, recipe: h.recipe, resolved: h.resolved, materials: h.materials, policy: h.policy, bus: h.bus, recorded: h.recorded,
			warn: func(what string, err error) { log.Warn().Err(err).Msg(what) },
		},
		scorer:    h.scorer(),
		rollouts:  h.workers(h.recipe.Scale.Rollouts),
		verifiers: h.workers(h.recipe.Scale.Verifiers),
		newPolicy: func() (*policy.Policy, weightsSource, error) { return h.policy, nil, nil },
	}
}

// workers is how many of wanted workers start in this process.
func (h *head) workers(wanted int) int {
	if h.options.Lead {
		return 0
	}
	return wanted
}

// headName is the head node's name on the bus.
const headName = "head"
