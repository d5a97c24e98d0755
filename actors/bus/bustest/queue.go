package bustest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/octorl/octorl/actors/bus"
)

const (
	subject = "rl.r.group.requested.n0"
	workers = "rollout" // the consumer that workers share
)

var queueName = bus.Store("r", "requests")

// ensure makes the queue on both connections and empties it.
func ensure(t *testing.T, near, far *bus.Bus, c bus.QueueConfig) {
	t.Helper()
	c.Name, c.Subjects = queueName, []string{bus.Pattern("r", "group", bus.Any, bus.Any)}
	must(t, near.EnsureQueue(c))
	must(t, far.EnsureQueue(c))
	must(t, near.EnsureQueue(c))
}

func enqueue(t *testing.T, b *bus.Bus, id string) {
	t.Helper()
	must(t, b.Enqueue(context.Background(), subject, id, []byte("work of "+id)))
}

// pull returns the next delivery, and fails unless it is of the given id.
func pull(t *testing.T, b *bus.Bus, id string) bus.Delivery {
	t.Helper()
	got, err := b.Pull(context.Background(), queueName, workers, "", 1, patience)
	must(t, err)
	if len(got) != 1 || got[0].ID != id || got[0].Subject != subject || string(got[0].Data) != "work of "+id {
		t.Fatalf("pulled %+v, want one of id %s", got, id)
	}
	return got[0]
}

// depth waits until the queue has the given depth: terminations and returns
// are not acknowledged, so they may take a moment.
func depth(t *testing.T, b *bus.Bus, pending, unacked int) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		p, u, err := b.QueueDepth(queueName)
		must(t, err)
		if p == pending && u == unacked {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("depth %d pending, %d unacked; want %d, %d", p, u, pending, unacked)
		}
	}
}

func testRedelivery(t *testing.T, near, far *bus.Bus) {
	ensure(t, near, far, bus.QueueConfig{AckWait: 200 * time.Millisecond})
	enqueue(t, near, "g1")
	first := pull(t, far, "g1")
	second := pull(t, near, "g1") // after AckWait
	must(t, second.Nak(0))
	third := pull(t, far, "g1")
	if first.Attempts != 1 || second.Attempts != 2 || third.Attempts != 3 {
		t.Fatalf("attempts %d, %d, %d; want 1, 2, 3", first.Attempts, second.Attempts, third.Attempts)
	}
	must(t, third.Ack())
	depth(t, near, 0, 0)
}

func testExtend(t *testing.T, near, far *bus.Bus) {
	const wait = 400 * time.Millisecond
	ensure(t, near, far, bus.QueueConfig{AckWait: wait})
	enqueue(t, near, "long")
	extended := time.Now()
	d := pull(t, far, "long")
	for range 3 { // half of AckWait each, so that the last passes the first deadline
		other, err := near.Pull(context.Background(), queueName, workers, "", 1, wait/2)
		must(t, err)
		if since := time.Since(extended); len(other) != 0 && since < wait {
			t.Fatalf("work was delivered again %v after it was extended, want at least %v", since, wait)
		} else if since >= wait {
			t.Skipf("the machine held the test up for %v", since)
		}
		extended = time.Now()
		must(t, d.Extend())
	}
	must(t, d.Ack())
	depth(t, near, 0, 0)
}

func testDedup(t *testing.T, near, far *bus.Bus) {
	ensure(t, near, far, bus.QueueConfig{})
	enqueue(t, near, "g1")
	enqueue(t, far, "g1")
	enqueue(t, near, "g2")
	depth(t, near, 2, 0)
	must(t, pull(t, near, "g1").Ack())
	enqueue(t, near, "g1") // acknowledged, yet remembered
	must(t, pull(t, far, "g2").Ack())
	depth(t, near, 0, 0)
}

func testShared(t *testing.T, near, far *bus.Bus) {
	const n = 60
	ensure(t, near, far, bus.QueueConfig{Memory: true})
	for i := range n {
		enqueue(t, near, fmt.Sprintf("g%d", i))
	}
	depth(t, far, n, 0)
	var mu sync.Mutex
	seen, remaining := map[string]int{}, n
	work := func(b *bus.Bus) {
		for {
			mu.Lock()
			done := remaining <= 0
			mu.Unlock()
			if done {
				return
			}
			got, err := b.Pull(context.Background(), queueName, workers, "", 7, 50*time.Millisecond)
			if err != nil {
				t.Error(err)
				return
			}
			for _, d := range got {
				if err := d.Ack(); err != nil {
					t.Error(err)
				}
			}
			mu.Lock()
			for _, d := range got {
				seen[d.ID]++
				remaining--
			}
			mu.Unlock()
		}
	}
	var all sync.WaitGroup
	for _, b := range []*bus.Bus{near, far} {
		all.Go(func() { work(b) })
	}
	all.Wait()
	for i := range n {
		if id := fmt.Sprintf("g%d", i); seen[id] != 1 {
			t.Errorf("message %s was processed %d times, want once", id, seen[id])
		}
	}
	depth(t, near, 0, 0)
}

func testTerm(t *testing.T, near, far *bus.Bus) {
	ensure(t, near, far, bus.QueueConfig{AckWait: 200 * time.Millisecond})
	enqueue(t, near, "broken")
	must(t, pull(t, far, "broken").Term("undecodable"))
	depth(t, near, 0, 0)
	enqueue(t, near, "g2")
	must(t, pull(t, near, "g2").Ack())
	depth(t, near, 0, 0)
}

func testPurge(t *testing.T, near, far *bus.Bus) {
	ensure(t, near, far, bus.QueueConfig{})
	const other = "rl.r.group.requested.n1"
	must(t, near.Enqueue(context.Background(), other, "o1", nil))
	enqueue(t, near, "g1")
	enqueue(t, near, "g2")
	must(t, near.Purge(queueName, other))
	pull(t, far, "g1") // held while purged
	must(t, near.Purge(queueName, ""))
	depth(t, near, 0, 0)
	enqueue(t, near, "g3")
	must(t, pull(t, near, "g3").Ack())
}

func testExhausted(t *testing.T, near, far *bus.Bus) {
	ensure(t, near, far, bus.QueueConfig{MaxDeliver: 2})
	enqueue(t, near, "hopeless")
	for attempt, exhausted := range []bool{false, false, true} {
		d := pull(t, near, "hopeless")
		if d.Exhausted() != exhausted || d.Attempts != attempt+1 {
			t.Fatalf("attempt %d exhausted %v, want attempt %d exhausted %v", d.Attempts, d.Exhausted(), attempt+1, exhausted)
		}
		must(t, d.Nak(0))
	}
}

func testPullContext(t *testing.T, near, far *bus.Bus) {
	ensure(t, near, far, bus.QueueConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		_, err := far.Pull(ctx, queueName, workers, "", 1, time.Hour)
		failed <- err
	}()
	cancel()
	want(t, receive(t, failed), context.Canceled)
	got, err := near.Pull(context.Background(), queueName, workers, "", 1, 0)
	if err != nil || len(got) != 0 {
		t.Fatalf("pull from an empty queue gave %v, error %v; want nothing", got, err)
	}
}

func testNoQueue(t *testing.T, near, _ *bus.Bus) {
	_, err := near.Pull(context.Background(), "absent", workers, "", 1, 0)
	want(t, err, bus.ErrNoQueue)
	want(t, near.Enqueue(context.Background(), "rl.r.nothing.collects.this", "x", nil), bus.ErrNoQueue)
	_, _, err = near.QueueDepth("absent")
	want(t, err, bus.ErrNoQueue)
	want(t, near.Purge("absent", ""), bus.ErrNoQueue)
	want(t, near.EnsureQueue(bus.QueueConfig{Name: "a.b", Subjects: []string{"x"}}), bus.ErrBadName)
}
