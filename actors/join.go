package actors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/policy"
)

// ErrNoRun is returned when no run is announced on a bus.
var ErrNoRun = errors.New("no run is announced on this bus")

// runsBucket lists the runs of a bus by name.
const runsBucket = "rl-runs"

// presenceTime is how long a node counts as present after its last word.
const presenceTime = 6 * time.Second

// JoinOptions say what a node brings to a run.
type JoinOptions struct {
	Options
	Run       string // name of the run; empty where the bus has just one
	Node      string // name of this node, unique in the run
	Rollouts  int    // rollout actors; 0 for the recipe's number
	Verifiers int    // verifier actors; 0 for the recipe's number
}

// Join serves a run on another machine's bus with rollouts and verifiers until
// the run ends or ctx does. What it holds when it leaves is handed back or runs
// out its lease, and is done elsewhere with the same result. It returns ErrNoRun
// and the errors of the bus.
func Join(ctx context.Context, o JoinOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	b, err := bus.Open(bus.Config{URL: o.URL, Token: o.Token, Name: o.Node})
	if err != nil {
		return err
	}
	defer b.Close()
	a, err := findRun(b, o.Run)
	if err != nil {
		return err
	}
	recipe, err := config.Parse(a.Run, a.Recipe)
	if err != nil {
		return fmt.Errorf("recipe of run %s: %w; all nodes of a run must be of one octorl version", a.Run, err)
	}
	m, err := joinMaterials(ctx, b, a, recipe)
	if err != nil {
		return err
	}
	if err := openQueues(b, a.Run); err != nil {
		return err
	}
	return o.serve(ctx, b, a.Run, m)
}

// validate reports all faults of o at once.
func (o JoinOptions) validate() error {
	var faults []error
	if err := bus.CheckToken(o.Node); err != nil {
		faults = append(faults, fmt.Errorf("--name: %w", err))
	}
	if o.Run != "" {
		if err := bus.CheckToken(o.Run); err != nil {
			faults = append(faults, fmt.Errorf("--run: %w", err))
		}
	}
	if o.Rollouts < 0 || o.Verifiers < 0 {
		faults = append(faults, fmt.Errorf("--rollouts %d, --verifiers %d: use at least 1", o.Rollouts, o.Verifiers))
	}
	return errors.Join(faults...)
}

// findRun returns the announcement of a run, or of the only one.
func findRun(b *bus.Bus, name string) (*message.RunAnnounced, error) {
	names, err := b.Keys(runsBucket)
	if err != nil {
		return nil, err
	}
	if name == "" && len(names) > 1 {
		return nil, fmt.Errorf("the bus has runs %s; choose one with --run", strings.Join(names, ", "))
	}
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	entry, err := b.Get(runsBucket, name)
	if name == "" || errors.Is(err, bus.ErrNotFound) {
		return nil, fmt.Errorf("%w (it has: %s); start one with octorl run --listen", ErrNoRun, strings.Join(names, ", "))
	}
	if err != nil {
		return nil, err
	}
	_, body, err := message.Decode(entry.Value)
	if err != nil {
		return nil, fmt.Errorf("announcement of run %s: %w", name, err)
	}
	a, ok := body.(message.RunAnnounced)
	if !ok {
		return nil, fmt.Errorf("announcement of run %s is a %T", name, body)
	}
	return &a, nil
}

// publish announces the run and stores what joining nodes need.
func (h *head) publish(b *bus.Bus) error {
	tokens, err := os.ReadFile(h.dir.tokenizer())
	if err != nil {
		return fmt.Errorf("announce the run: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaseTime)
	defer cancel()
	name := h.recipe.Name
	if err := b.PutObject(ctx, bus.Store(name, "tokenizer"), "tokenizer.json", tokens); err != nil {
		return fmt.Errorf("announce the run: %w", err)
	}
	data, err := message.Encode(message.Envelope{Sender: headName, Sent: time.Now().UnixNano()},
		message.RunAnnounced{Run: name, Recipe: h.resolved, Tokenizer: "tokenizer.json"})
	if err != nil {
		return fmt.Errorf("announce the run: %w", err)
	}
	if _, err = b.Put(runsBucket, name, data, 0); err != nil {
		return fmt.Errorf("announce the run: %w", err)
	}
	return nil
}

// joinMaterials makes a joining node's materials from the run's tokenizer.
func joinMaterials(ctx context.Context, b *bus.Bus, a *message.RunAnnounced, r *config.Recipe) (*materials, error) {
	data, err := b.GetObject(ctx, bus.Store(a.Run, "tokenizer"), a.Tokenizer)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "octorl-node-")
	if err != nil {
		return nil, fmt.Errorf("keep the run's tokenizer: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tokenizer.json")
	if err := writeFile(path, data); err != nil {
		return nil, err
	}
	return newMaterials(r, path)
}

// serve runs this node's actors until the run or ctx ends.
func (o JoinOptions) serve(ctx context.Context, b *bus.Bus, run string, m *materials) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop, err := b.Subscribe(bus.Pattern(run, "run", "finished", bus.Any), func(string, []byte) { cancel(errRunOver) })
	if err != nil {
		return err
	}
	defer stop()
	w := crew{
		run: run, node: o.Node, bus: b, log: o.Log, materials: m,
		rollouts: o.Rollouts, verifiers: o.Verifiers,
		newPolicy: func() (*policy.Policy, weightsSource, error) {
			p, err := policy.New(o.Device, m.config)
			if err != nil {
				return nil, nil, err
			}
			return p, fetchWeights(b, run, o.Node, p), nil
		},
	}
	if w.rollouts == 0 {
		w.rollouts = m.recipe.Scale.Rollouts
	}
	if w.verifiers == 0 {
		w.verifiers = m.recipe.Scale.Verifiers
	}
	system := newSystem(o.Log)
	defer system.Shutdown()
	broken := make(chan error, 1)
	end := func(err error) {
		select {
		case broken <- err:
		default: // the first counts
		}
	}
	node, err := spawnNode(system, func() actor.Actor { return &workerNode{crew: w, end: end} }, end)
	if err != nil {
		return err
	}
	defer stopTree(system, node)
	o.Log.Info().Str("run", run).Int("rollouts", w.rollouts).Int("verifiers", w.verifiers).Msg("joined")
	return o.stay(ctx, &w, broken)
}

// errRunOver is the cause of a node's end when the run it serves has ended.
var errRunOver = errors.New("the run has ended")

// stay renews the node's presence until the run, ctx or an actor ends.
func (o JoinOptions) stay(ctx context.Context, w *crew, broken <-chan error) error {
	host, _ := os.Hostname()
	data, err := message.Encode(message.Envelope{Sender: o.Node, Sent: time.Now().UnixNano()}, message.NodeAnnounced{
		Node: o.Node, Host: host, PID: os.Getpid(), Rollouts: w.rollouts, Verifiers: w.verifiers,
	})
	if err != nil {
		return err
	}
	p := presence{crew: w, announcement: data, reached: true}
	renewal := time.NewTicker(presenceTime / 3)
	defer renewal.Stop()
	for {
		if err := p.renew(); err != nil {
			return err
		}
		select {
		case err := <-broken:
			return err
		case <-ctx.Done():
			if !errors.Is(context.Cause(ctx), errRunOver) { // else its bus may be gone
				_ = w.bus.Delete(p.bucket(), o.Node)
			}
			return nil
		case <-renewal.C:
		}
	}
}

// presence is a node's word that it is there.
type presence struct {
	crew         *crew
	announcement []byte
	reached      bool // the bus, last time
	missed       int  // times in a row that the run was not on it
}

func (p *presence) bucket() string { return bus.Store(p.crew.run, "presence") }

// renew says that the node is there. It waits for a bus that is out of reach, and
// returns ErrNoRun once a bus has been without the run for some time: a head that
// comes back has it there at once.
func (p *presence) renew() error {
	w := p.crew
	_, err := w.bus.Put(p.bucket(), w.node, p.announcement, presenceTime)
	if err != nil && p.reached {
		w.log.Warn().Err(err).Msg("bus out of reach; waiting for it, an interrupt ends the node")
	}
	if err == nil && !p.reached {
		w.log.Info().Msg("bus reached again")
	}
	p.reached = err == nil
	if _, err := w.bus.Get(runsBucket, w.run); !errors.Is(err, bus.ErrNotFound) {
		p.missed = 0
		return nil
	}
	if p.missed++; p.missed < 3 {
		return nil
	}
	return fmt.Errorf("%w: %s has ended, or another was started in its place", ErrNoRun, w.run)
}

// workerNode starts the actors of a joining node.
type workerNode struct {
	crew crew
	end  func(error) // tells whoever waits for the end of the node
}

// Receive implements actor.Actor.
func (n *workerNode) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		if err := n.crew.spawnWorkers(c, n.crew.spawnGateway(c)); err != nil {
			n.end(err)
		}
	case failed:
		n.end(m.report())
	}
}

// NodeName turns any text, such as a host's name, into a name for a node.
func NodeName(text string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, text)
	return name[:min(len(name), 40)]
}
