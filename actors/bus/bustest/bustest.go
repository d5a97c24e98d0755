// Package bustest holds what every bus must do, as tests over the exported
// functions of package bus alone. Run is the entry.
package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/octorl/octorl/actors/bus"
)

// patience is how long a test waits for what must come. It decides only how a
// failure looks, never whether a working bus passes.
const patience = 30 * time.Second

// Run tests two connections to one bus; open makes them, may return the same
// one twice, and closes them at the end of the test.
func Run(t *testing.T, open func(t *testing.T) (near, far *bus.Bus)) {
	tests := []struct {
		name string
		test func(t *testing.T, near, far *bus.Bus)
	}{
		{"publications arrive in order", testPublish},
		{"stopped subscriptions are silent", testStop},
		{"requests are answered", testRequest},
		{"nobody responds", testNoResponder},
		{"a silent responder costs the deadline", testDeadline},
		{"large messages are refused", testTooLarge},
		{"unacknowledged work comes again", testRedelivery},
		{"extended work stays", testExtend},
		{"an id is queued once", testDedup},
		{"work is shared, each message once", testShared},
		{"terminated work is gone", testTerm},
		{"purged work is gone", testPurge},
		{"attempts run out", testExhausted},
		{"pull ends with its context", testPullContext},
		{"queues must be ensured", testNoQueue},
		{"keys are set, listed and deleted", testKeys},
		{"one of two updates wins", testUpdate},
		{"leases run out", testLease},
		{"objects come back whole", testObjects},
		{"only the newest objects stay", testTrim},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			near, far := open(t)
			c.test(t, near, far)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("error %v, want %v", err, sentinel)
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("nothing came within %v", patience)
		panic("unreachable")
	}
}

func testPublish(t *testing.T, near, far *bus.Bus) {
	got := make(chan string, 100)
	stop, err := far.Subscribe(bus.Pattern("r", "metric", bus.Any, bus.Any), func(subject string, data []byte) {
		got <- subject + "=" + string(data)
	})
	must(t, err)
	defer stop()
	must(t, near.Publish(bus.Subject("other", "metric", "reported", "n0"), []byte("not for us")))
	for i := range 100 {
		must(t, near.Publish(bus.Subject("r", "metric", "reported", "n0"), fmt.Append(nil, i)))
	}
	for i := range 100 {
		if got, want := receive(t, got), fmt.Sprintf("rl.r.metric.reported.n0=%d", i); got != want {
			t.Fatalf("message %q, want %q", got, want)
		}
	}
}

func testStop(t *testing.T, near, far *bus.Bus) {
	stopped, open := make(chan string, 10), make(chan string, 10)
	stop, err := far.Subscribe("rl.r.a.b.*", func(_ string, data []byte) { stopped <- string(data) })
	must(t, err)
	stopOpen, err := far.Subscribe("rl.r.a.b.*", func(_ string, data []byte) { open <- string(data) })
	must(t, err)
	defer stopOpen()
	stop()
	stop()
	must(t, near.Publish("rl.r.a.b.c", []byte("x")))
	receive(t, open)
	if len(stopped) != 0 {
		t.Fatalf("a stopped subscription received %q", <-stopped)
	}
}

func testRequest(t *testing.T, near, far *bus.Bus) {
	stop, err := far.Respond("rl.r.weights.get.*", func(subject string, data []byte) []byte {
		return append([]byte(subject+" "), bytes.ToUpper(data)...)
	})
	must(t, err)
	defer stop()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			answer, err := near.Request(context.Background(), "rl.r.weights.get.n1", fmt.Appendf(nil, "v%d", i))
			if want := fmt.Sprintf("rl.r.weights.get.n1 V%d", i); err != nil || string(answer) != want {
				t.Errorf("answer %q, error %v, want %q", answer, err, want)
			}
		})
	}
	all.Wait()
	must(t, near.Publish("rl.r.weights.get.n1", []byte("no reply wanted")))
}

func testNoResponder(t *testing.T, near, _ *bus.Bus) {
	_, err := near.Request(context.Background(), "rl.r.weights.get.nobody", nil)
	want(t, err, bus.ErrNoResponder)
}

func testDeadline(t *testing.T, near, far *bus.Bus) {
	release := make(chan struct{})
	stop, err := far.Respond("rl.r.slow.get.*", func(string, []byte) []byte { <-release; return nil })
	must(t, err)
	defer stop()
	defer close(release)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err = near.Request(ctx, "rl.r.slow.get.x", nil)
	want(t, err, context.DeadlineExceeded)
}

func testTooLarge(t *testing.T, near, _ *bus.Bus) {
	want(t, near.Publish("rl.r.a.b.c", make([]byte, bus.MaxPayload+1)), bus.ErrTooLarge)
	must(t, near.Publish("rl.r.a.b.c", make([]byte, bus.MaxPayload)))
}
