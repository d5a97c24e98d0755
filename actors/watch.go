package actors

import (
	"context"
	"sync"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/internal/config"
)

// watched are the nouns whose messages are for watchers.
var watched = []string{"metrics", "sample", "stage", "run", "verifier"}

// watchRun calls handle with each message for watchers of a run, one at a time.
func watchRun(b *bus.Bus, run string, handle func(body any)) (stop func(), err error) {
	var one sync.Mutex // nouns arrive on goroutines of their own
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	for _, noun := range watched {
		s, err := b.Subscribe(bus.Pattern(run, noun, bus.Any, bus.Any), func(_ string, data []byte) {
			_, body, err := message.Decode(data)
			if err != nil {
				return
			}
			one.Lock()
			defer one.Unlock()
			handle(body)
		})
		if err != nil {
			stop()
			return nil, err
		}
		stops = append(stops, s)
	}
	return stop, nil
}

// WatchOptions say which run to watch.
type WatchOptions struct {
	URL   string // of the bus
	Token string // of the bus
	Run   string // name of the run; empty where the bus has just one
	// Open receives the recipe of the run before the first message.
	Open func(r *config.Recipe)
	// Handle receives the run's messages for watchers, as types of package
	// message, from one goroutine. It must not block.
	Handle func(body any)
	// Reach is told when the bus is out of reach, and when it is back. It must not
	// block.
	Reach func(reached bool)
}

// Watch follows a run of another process until it or ctx ends; while the run's
// process is gone it waits for the run to be resumed. It returns ErrNoRun and the
// errors of the bus.
func Watch(ctx context.Context, o WatchOptions) error {
	events := make(chan bus.Event, 16)
	b, err := bus.Open(bus.Config{URL: o.URL, Token: o.Token, Name: "watch", OnEvent: func(e bus.Event) {
		select {
		case events <- e:
		default: // rather lose one than hold the connection up
		}
	}})
	if err != nil {
		return err
	}
	defer b.Close()
	a, err := findRun(b, o.Run)
	if err != nil {
		return err
	}
	r, err := config.Parse(a.Run, a.Recipe)
	if err != nil {
		return err
	}
	o.Open(r)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop, err := watchRun(b, a.Run, func(body any) {
		o.Handle(body)
		if _, over := body.(message.RunFinished); over {
			cancel()
		}
	})
	if err != nil {
		return err
	}
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			if e.Kind == bus.Reconnected || e.Kind == bus.Disconnected {
				o.Reach(e.Kind == bus.Reconnected)
			}
		}
	}
}
