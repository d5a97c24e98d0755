package actors

import (
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// worker panics in its mailbox, or on its background.
type worker struct{ work *background }

type (
	panicHere  struct{}
	panicThere struct{}
)

// Receive implements actor.Actor.
func (w *worker) Receive(c actor.Context) {
	switch c.Message().(type) {
	case *actor.Started:
		w.work = newBackground(c)
	case panicHere:
		panic("here")
	case panicThere:
		w.work.do(func() any { panic("there") })
	case *actor.Stopping:
		w.work.close()
	}
}

// TestPanicEndsTheRun panics in a child, on a child's background, and in the node
// itself: each is reported, once, by the actor's name.
func TestPanicEndsTheRun(t *testing.T) {
	for _, c := range []struct {
		name    string
		message any
		says    []string
	}{
		{"child", panicHere{}, []string{"worker: ", "panicHere: here"}},
		{"background", panicThere{}, []string{"worker: ", "panic at background_test.go:", ": there"}},
		{"node", "node", []string{"node: ", "string: itself"}},
	} {
		system := newSystem(zerolog.Nop())
		broken := make(chan error, 8)
		boss := actor.ReceiveFunc(func(ctx actor.Context) {
			switch m := ctx.Message().(type) {
			case *actor.Started:
				(&crew{}).spawn(ctx, "worker", func() actor.Actor { return &worker{} })
			case failed:
				broken <- m.report()
			case string:
				panic("itself")
			case panicHere, panicThere:
				ctx.Send(ctx.Children()[0], m)
			}
		})
		node, err := spawnNode(system, func() actor.Actor { return boss }, func(err error) { broken <- err })
		if err != nil {
			t.Fatal(err)
		}
		system.Root.Send(node, c.message)
		text := (<-broken).Error()
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q does not say %q", c.name, text, want)
			}
		}
		stopTree(system, node)
		system.Shutdown()
		if len(broken) > 0 {
			t.Errorf("%s: reported again: %v", c.name, <-broken)
		}
	}
}
