package bustest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/octorl/octorl/actors/bus"
)

var (
	keyBucket    = bus.Store("r", "nodes")
	objectBucket = bus.Store("r", "weights")
)

// watch returns the entries that far sees under a pattern.
func watch(t *testing.T, b *bus.Bus, pattern string) <-chan bus.Entry {
	t.Helper()
	entries := make(chan bus.Entry, 100)
	stop, err := b.Watch(keyBucket, pattern, func(e bus.Entry) { entries <- e })
	must(t, err)
	t.Cleanup(stop)
	return entries
}

func testKeys(t *testing.T, near, far *bus.Bus) {
	keys, err := near.Keys(keyBucket)
	if err != nil || len(keys) != 0 {
		t.Fatalf("a new bucket has keys %q, error %v", keys, err)
	}
	_, err = near.Get(keyBucket, "n0")
	want(t, err, bus.ErrNotFound)
	_, err = near.Put(keyBucket, "n0", []byte("old"), 0)
	must(t, err)
	entries := watch(t, far, bus.Any)
	if e := receive(t, entries); e.Key != "n0" || string(e.Value) != "old" || e.Deleted {
		t.Fatalf("watch began with %+v, want the present value", e)
	}
	_, err = near.Put(keyBucket, "n1", []byte("b"), 0)
	must(t, err)
	revision, err := near.Put(keyBucket, "n0", []byte("new"), 0)
	must(t, err)
	if e := receive(t, entries); e.Key != "n1" {
		t.Fatalf("watch saw %+v, want n1", e)
	}
	if e := receive(t, entries); e.Key != "n0" || string(e.Value) != "new" || e.Revision != revision {
		t.Fatalf("watch saw %+v, want n0 at revision %d", e, revision)
	}
	e, err := far.Get(keyBucket, "n0")
	if err != nil || string(e.Value) != "new" || e.Revision != revision {
		t.Fatalf("got %+v, error %v; want the new value at revision %d", e, err, revision)
	}
	if keys, err = far.Keys(keyBucket); err != nil || !slices.Equal(keys, []string{"n0", "n1"}) {
		t.Fatalf("keys %q, error %v; want n0 and n1", keys, err)
	}
	must(t, far.Delete(keyBucket, "n0"))
	if e := receive(t, entries); e.Key != "n0" || !e.Deleted || e.Value != nil {
		t.Fatalf("watch saw %+v, want n0 deleted", e)
	}
	_, err = near.Get(keyBucket, "n0")
	want(t, err, bus.ErrNotFound)
}

func testUpdate(t *testing.T, near, far *bus.Bus) {
	first, err := near.Update(keyBucket, "leader", []byte("n0"), 0)
	must(t, err)
	_, err = far.Update(keyBucket, "leader", []byte("n1"), 0)
	want(t, err, bus.ErrConflict)
	second, err := far.Update(keyBucket, "leader", []byte("n1"), first)
	must(t, err)
	if second <= first {
		t.Fatalf("revision went from %d to %d", first, second)
	}
	_, err = near.Update(keyBucket, "leader", []byte("n0"), first)
	want(t, err, bus.ErrConflict)
	e, err := near.Get(keyBucket, "leader")
	if err != nil || string(e.Value) != "n1" {
		t.Fatalf("leader %q, error %v; want n1", e.Value, err)
	}
}

func testLease(t *testing.T, near, far *bus.Bus) {
	entries := watch(t, far, "n0")
	for _, beat := range []string{"first", "renewed"} {
		_, err := near.Put(keyBucket, "n0", []byte(beat), time.Second)
		must(t, err)
		if e := receive(t, entries); string(e.Value) != beat {
			t.Fatalf("watch saw %+v, want %s", e, beat)
		}
	}
	if e := receive(t, entries); e.Key != "n0" || !e.Deleted {
		t.Fatalf("watch saw %+v, want n0 gone", e)
	}
	_, err := near.Get(keyBucket, "n0")
	want(t, err, bus.ErrNotFound)
	if keys, err := near.Keys(keyBucket); err != nil || len(keys) != 0 {
		t.Fatalf("keys %q, error %v; want none", keys, err)
	}
}

func testObjects(t *testing.T, near, far *bus.Bus) {
	ctx := context.Background()
	_, err := near.GetObject(ctx, objectBucket, "v0")
	want(t, err, bus.ErrNotFound)
	const seed = 1
	t.Logf("seed %d", seed)
	random := rand.NewChaCha8([32]byte{seed})
	for _, size := range []int{0, 1, 1 << 20, 3<<20 + 17} {
		data := make([]byte, size)
		_, _ = random.Read(data) // never fails
		must(t, near.PutObject(ctx, objectBucket, "v0", data))
		got, err := far.GetObject(ctx, objectBucket, "v0")
		must(t, err)
		if !bytes.Equal(got, data) {
			t.Fatalf("an object of %d bytes came back as %d other ones", size, len(got))
		}
	}
}

func testTrim(t *testing.T, near, far *bus.Bus) {
	ctx := context.Background()
	must(t, near.TrimObjects(ctx, objectBucket, 1))
	for _, name := range []string{"v2", "v1", "v3"} {
		must(t, near.PutObject(ctx, objectBucket, name, []byte(name)))
	}
	must(t, far.TrimObjects(ctx, objectBucket, 2))
	_, err := near.GetObject(ctx, objectBucket, "v2") // the oldest, not the least name
	want(t, err, bus.ErrNotFound)
	for _, name := range []string{"v1", "v3"} {
		got, err := near.GetObject(ctx, objectBucket, name)
		if err != nil || string(got) != name {
			t.Fatalf("object %s is %q, error %v", name, got, err)
		}
	}
}
