package bus

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func mustOpen(t *testing.T, cfg Config) *Bus {
	t.Helper()
	b, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// await reads events until one of the given kind.
func await(t *testing.T, events <-chan Event, kind EventKind) Event {
	t.Helper()
	for {
		select {
		case e := <-events:
			if e.Kind == kind {
				return e
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no event %q came", kind)
		}
	}
}

// TestConnectionIsRestored replaces the server by another with an empty store.
func TestConnectionIsRestored(t *testing.T) {
	first := mustOpen(t, Config{Listen: "127.0.0.1:0", StoreDir: t.TempDir()})
	url := first.URL()
	events := make(chan Event, 100)
	far := mustOpen(t, Config{URL: url, OnEvent: func(e Event) { events <- e }})
	got := make(chan string, 1)
	if _, err := far.Subscribe("rl.r.a.b.*", func(_ string, data []byte) { got <- string(data) }); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Put("keys", "k", []byte("v"), time.Minute); err != nil {
		t.Fatal(err)
	}
	first.Close()
	await(t, events, Disconnected)
	second := mustOpen(t, Config{Listen: strings.TrimPrefix(url, "nats://"), StoreDir: t.TempDir()})
	await(t, events, Reconnected)
	if _, err := far.Put("keys", "k", []byte("v"), time.Minute); err != nil { // an answer: the subscription is back too
		t.Fatalf("put into a bucket that went with its server: %v", err)
	}
	if err := second.Publish("rl.r.a.b.c", []byte("hello again")); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "hello again" {
		t.Fatalf("received %q", text)
	}
	if n := far.Stats().Reconnects; n != 1 {
		t.Fatalf("%d reconnects, want 1", n)
	}
}

func TestSlowConsumerIsCounted(t *testing.T) {
	events := make(chan Event, 100)
	b := mustOpen(t, Config{StoreDir: t.TempDir(), OnEvent: func(e Event) { events <- e }})
	release := make(chan struct{})
	sub, err := b.subscribe("rl.r.a.b.*", func(*nats.Msg) { <-release })
	if err != nil {
		t.Fatal(err)
	}
	defer close(release)
	if err := sub.SetPendingLimits(1, -1); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := b.Publish("rl.r.a.b.c", nil); err != nil {
			t.Fatal(err)
		}
	}
	if e := await(t, events, SlowConsumer); !strings.Contains(e.Err.Error(), "rl.r.a.b.*") {
		t.Fatalf("event %v does not name the subject", e.Err)
	}
	if b.Stats().SlowConsumers == 0 {
		t.Fatal("slow consumer not counted")
	}
}

func TestDamagedObjectIsRefused(t *testing.T) {
	ctx := context.Background()
	b := mustOpen(t, Config{StoreDir: t.TempDir()})
	if err := b.PutObject(ctx, "o", "w", []byte("weights")); err != nil {
		t.Fatal(err)
	}
	meta, err := b.js.Stream(ctx, "OBJ_o")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := meta.GetLastMsgForSubject(ctx, "$O.o.M.>")
	if err != nil {
		t.Fatal(err)
	}
	var info jetstream.ObjectInfo
	if err := json.Unmarshal(msg.Data, &info); err != nil {
		t.Fatal(err)
	}
	info.Digest = "SHA-256=" + strings.Repeat("A", 43) + "="
	data, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.js.Publish(ctx, msg.Subject, data); err != nil {
		t.Fatal(err)
	}
	if _, err := b.GetObject(ctx, "o", "w"); !errors.Is(err, ErrDigest) {
		t.Fatalf("error %v, want ErrDigest", err)
	}
}

// TestLostStorageSaysSo covers the disk that fills up: the server then switches
// its storage off.
func TestLostStorageSaysSo(t *testing.T) {
	b := mustOpen(t, Config{StoreDir: t.TempDir()})
	if err := b.EnsureQueue(QueueConfig{Name: "q", Subjects: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	if err := b.server.DisableJetStream(); err != nil {
		t.Fatal(err)
	}
	if err := b.Enqueue(context.Background(), "x", "id", nil); !errors.Is(err, ErrStoreFull) {
		t.Fatalf("error %v, want ErrStoreFull", err)
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := busGoroutines()
	b := mustOpen(t, Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"})
	far := mustOpen(t, Config{URL: b.URL()})
	if _, err := far.Subscribe("rl.*.*.*.*", func(string, []byte) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Watch("keys", Any, func(Entry) {}); err != nil {
		t.Fatal(err)
	}
	if err := far.EnsureQueue(QueueConfig{Name: "q", Subjects: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Pull(context.Background(), "q", "w", "", 1, 0); err != nil {
		t.Fatal(err)
	}
	if busGoroutines() <= before {
		t.Fatal("the test does not see the bus's goroutines")
	}
	if err := errors.Join(far.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); busGoroutines() > before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines of the bus before, %d after:\n%s", before, busGoroutines(), stacks())
		}
	}
}

// busGoroutines counts the goroutines of this package and of its server and
// client, but for the running tests.
func busGoroutines() (n int) {
	for stack := range strings.SplitSeq(stacks(), "\n\n") {
		if strings.Contains(stack, "nats") && !strings.Contains(stack, "testing.tRunner") {
			n++
		}
	}
	return n
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
