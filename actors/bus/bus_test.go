package bus_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/actors/bus/bustest"
)

func open(t *testing.T, cfg bus.Config) *bus.Bus {
	t.Helper()
	if cfg.URL == "" && cfg.StoreDir == "" {
		cfg.StoreDir = t.TempDir()
	}
	b, err := bus.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestEmbeddedBus(t *testing.T) {
	bustest.Run(t, func(t *testing.T) (near, far *bus.Bus) {
		b := open(t, bus.Config{Name: "both"})
		if b.URL() != "" {
			t.Fatalf("a bus without a socket has the address %s", b.URL())
		}
		return b, b
	})
}

func TestListeningBus(t *testing.T) {
	bustest.Run(t, func(t *testing.T) (near, far *bus.Bus) {
		near = open(t, bus.Config{Name: "near", Listen: "127.0.0.1:0", Token: "secret"})
		return near, open(t, bus.Config{Name: "far", URL: near.URL(), Token: "secret"})
	})
}

func TestOpenNamesTheRemedy(t *testing.T) {
	guarded := open(t, bus.Config{Listen: "127.0.0.1:0", Token: "secret"})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	free.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		cfg      bus.Config
		sentinel error
		says     string
	}{
		{"occupied port", bus.Config{Listen: taken.Addr().String(), StoreDir: t.TempDir()}, bus.ErrPortTaken, taken.Addr().String() + "; choose another with --listen"},
		{"no server", bus.Config{URL: "nats://" + nobody}, bus.ErrUnreachable, nobody},
		{"wrong token", bus.Config{URL: guarded.URL(), Token: "guess"}, bus.ErrBadToken, "--token"},
		{"no token", bus.Config{URL: guarded.URL()}, bus.ErrBadToken, "--token"},
		{"no address", bus.Config{Listen: "4222", StoreDir: t.TempDir()}, nil, "host:port"},
		{"no folder", bus.Config{}, nil, "StoreDir"},
		{"both places", bus.Config{URL: "nats://h", Listen: ":1"}, nil, "choose one"},
		{"folder under a file", bus.Config{StoreDir: filepath.Join(file, "bus")}, nil, file},
	} {
		b, err := bus.Open(c.cfg)
		if err == nil {
			b.Close()
			t.Errorf("%s: opened", c.name)
			continue
		}
		if c.sentinel != nil && !errors.Is(err, c.sentinel) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %q, want %v that says %q", c.name, err, c.sentinel, c.says)
		}
	}
}

func TestQueueSurvivesTheServer(t *testing.T) {
	dir := t.TempDir()
	q := bus.QueueConfig{Name: "q", Subjects: []string{"rl.r.group.requested.*"}}
	first := open(t, bus.Config{StoreDir: dir})
	if err := errors.Join(first.EnsureQueue(q), first.Enqueue(context.Background(), "rl.r.group.requested.x", "g1", []byte("kept")), first.Close()); err != nil {
		t.Fatal(err)
	}
	second := open(t, bus.Config{StoreDir: dir})
	if err := second.EnsureQueue(q); err != nil {
		t.Fatal(err)
	}
	got, err := second.Pull(context.Background(), "q", "w", "", 1, 0)
	if err != nil || len(got) != 1 || string(got[0].Data) != "kept" {
		t.Fatalf("pulled %+v, error %v; want the message of before", got, err)
	}
}

func TestFullStore(t *testing.T) {
	b := open(t, bus.Config{MaxStoreBytes: 1 << 20})
	if err := b.EnsureQueue(bus.QueueConfig{Name: "q", Subjects: []string{"rl.r.a.b.c"}}); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; i < 8 && err == nil; i++ { // the server counts after it stored
		err = b.Enqueue(context.Background(), "rl.r.a.b.c", strconv.Itoa(i), make([]byte, 1<<20))
	}
	if !errors.Is(err, bus.ErrStoreFull) || !strings.Contains(err.Error(), "free space in ") {
		t.Fatalf("error %v, want ErrStoreFull that says where", err)
	}
	if err := b.PutObject(context.Background(), "objects", "large", make([]byte, 3<<20)); !errors.Is(err, bus.ErrStoreFull) {
		t.Fatalf("error %v, want ErrStoreFull", err)
	}
}

func TestClosedBus(t *testing.T) {
	b := open(t, bus.Config{})
	if err := b.EnsureQueue(bus.QueueConfig{Name: "q", Subjects: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	pulled := make(chan error)
	go func() {
		_, err := b.Pull(context.Background(), "q", "w", "", 1, 1<<40)
		pulled <- err
	}()
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	_, putErr := b.Put("keys", "k", nil, 0)
	_, requestErr := b.Request(context.Background(), "x", nil)
	for _, err := range []error{<-pulled, putErr, requestErr, b.Publish("x", nil)} {
		if !errors.Is(err, bus.ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}
	}
}
