// Package bus carries bytes from subject to subject: between the actors of one
// process, or of many machines, over NATS with JetStream. The server runs
// inside the process, with or without a socket, or is an existing cluster.
//
// Bytes and subjects enter, bytes and subjects leave. The package knows no
// message, actor or policy, and keeps no state that the server does not have.
// Read Config and Bus first, then Subject, QueueConfig and Delivery.
//
// It offers five ways, from the weakest promise to the strongest: Publish and
// Subscribe (at most once), Request and Respond (an answer, ErrNoResponder or
// a deadline), Enqueue and Pull (at least once, shared between workers), the
// key-value functions (the last value, with a time to live) and the object
// functions (large bytes with a digest).
package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// MaxPayload is the most bytes of one message on an embedded bus; larger
	// things are objects. An external server may allow less.
	MaxPayload = 8 << 20

	answerTimeout = 5 * time.Second        // for the server's answer, where no context says otherwise
	closeTimeout  = 2 * time.Second        // for what was published before Close to leave
	reconnectWait = 250 * time.Millisecond // between attempts, plus up to as much again

	// A subscription's handler may fall this far behind before messages drop.
	maxPendingMessages = 1 << 20
	maxPendingBytes    = 256 << 20
)

// Config says where the bus is.
type Config struct {
	// URL of an external server, e.g. "nats://10.0.0.7:4222", or several with
	// commas between; empty for a server embedded in this process.
	URL string
	// Listen is the host:port on which the embedded server takes other
	// processes; port 0 picks a free one. Empty opens no socket at all.
	Listen string
	// StoreDir is the folder of the embedded server's queues, keys and objects.
	// It is made when missing, must belong to one process at a time, and is
	// required without URL.
	StoreDir string
	// MaxStoreBytes bounds what StoreDir holds; 0 for three quarters of the
	// free disk.
	MaxStoreBytes int64
	// Name of the connection, for the server's own monitoring.
	Name string
	// Token is the secret that connections must show: the embedded server asks
	// for it, an external one is given it. Empty for none.
	Token string
	// OnEvent is called on each change of the connection, from the client's own
	// goroutine: it must not block. Nil for none.
	OnEvent func(Event)
}

// Validate reports all faults of c at once.
func (c Config) Validate() error {
	var faults []error
	if c.URL == "" && c.StoreDir == "" {
		faults = append(faults, errors.New("an embedded bus needs StoreDir, a folder for its queues"))
	}
	if c.URL != "" && c.Listen != "" {
		faults = append(faults, fmt.Errorf("both an external bus %s and --listen %s: choose one", c.URL, c.Listen))
	}
	if c.MaxStoreBytes < 0 {
		faults = append(faults, fmt.Errorf("MaxStoreBytes %d is negative", c.MaxStoreBytes))
	}
	return errors.Join(faults...)
}

// EventKind says what happened to a connection.
type EventKind string

const (
	// Disconnected means that the server is out of reach; the bus keeps trying.
	Disconnected EventKind = "disconnected"
	// Reconnected means that the server is back and subscriptions are restored.
	Reconnected EventKind = "reconnected"
	// SlowConsumer means that a Subscribe or Respond handler fell so far behind
	// that messages were dropped.
	SlowConsumer EventKind = "slow consumer"
	// Fault is any other error that belongs to no call, e.g. a refused subject.
	Fault EventKind = "fault"
)

// Event is a change of a connection.
type Event struct {
	Kind EventKind
	Err  error // nil for Reconnected
}

// Stats counts the mishaps of a connection since Open.
type Stats struct {
	Reconnects    uint64 // times the server came back
	SlowConsumers uint64 // times a handler began to lose messages
}

// Bus is a connection to the bus, and the embedded server behind it if there
// is one. All methods may be called from any goroutine. Those without a
// context wait at most 5 s for the server.
type Bus struct {
	cfg    Config
	server *server.Server // nil when external
	nc     *nats.Conn
	js     jetstream.JetStream

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	closed chan struct{} // closed once the connection is

	slow atomic.Uint64

	mu        sync.Mutex
	queues    map[string]QueueConfig // ensured on this bus
	consumers cache[jetstream.Consumer]
	keys      cache[jetstream.KeyValue]
	objects   cache[jetstream.ObjectStore]
}

// Open starts the embedded server, or reaches the external one, and connects.
// It returns ErrPortTaken when Listen is occupied, ErrUnreachable when URL
// does not answer, ErrBadToken when it does not take Token, and ErrNoStorage
// when the server there lacks JetStream.
// After that, a lost connection is restored for ever without a word but
// Config.OnEvent. The caller closes the bus.
func Open(cfg Config) (*Bus, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open bus: %w", err)
	}
	b := &Bus{cfg: cfg, closed: make(chan struct{}), queues: map[string]QueueConfig{}}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	if err := b.open(); err != nil {
		b.Close()
		return nil, fmt.Errorf("open bus: %w", err)
	}
	return b, nil
}

func (b *Bus) open() (err error) {
	var place nats.Option
	if b.cfg.URL == "" {
		if b.server, err = startServer(b.cfg); err != nil {
			return err
		}
		place = nats.InProcessServer(b.server)
	}
	if b.nc, err = nats.Connect(b.cfg.URL, b.options(place)...); errors.Is(err, nats.ErrAuthorization) {
		return fmt.Errorf("%w: %s; give the one that the bus was started with (--token or OCTORL_TOKEN)", ErrBadToken, b.cfg.URL)
	} else if err != nil {
		return fmt.Errorf("%w: %s: %w; check the address, and that a run listens there (octorl run --listen)", ErrUnreachable, b.cfg.URL, err)
	}
	if b.js, err = jetstream.New(b.nc, jetstream.WithDefaultTimeout(answerTimeout)); err != nil {
		return err
	}
	if _, err = b.js.AccountInfo(b.ctx); err != nil {
		return fmt.Errorf("%w: %s: %w; start the server with JetStream (nats-server -js)", ErrNoStorage, b.cfg.URL, err)
	}
	return nil
}

func (b *Bus) options(place nats.Option) []nats.Option {
	opts := []nats.Option{
		nats.Name(b.cfg.Name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if b.ctx.Err() == nil {
				b.report(Disconnected, err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { b.report(Reconnected, nil) }),
		nats.ErrorHandler(b.onError),
		nats.ClosedHandler(func(*nats.Conn) { close(b.closed) }),
	}
	if b.cfg.Token != "" {
		opts = append(opts, nats.Token(b.cfg.Token))
	}
	if place != nil {
		opts = append(opts, place)
	}
	return opts
}

func (b *Bus) onError(_ *nats.Conn, sub *nats.Subscription, err error) {
	kind := Fault
	if errors.Is(err, nats.ErrSlowConsumer) {
		kind = SlowConsumer
		b.slow.Add(1)
	}
	if sub != nil {
		err = fmt.Errorf("subject %s: %w", sub.Subject, err)
	}
	b.report(kind, err)
}

func (b *Bus) report(kind EventKind, err error) {
	if b.cfg.OnEvent != nil {
		b.cfg.OnEvent(Event{Kind: kind, Err: err})
	}
}

// Close sends what was published, ends all subscriptions and calls that wait,
// and stops the embedded server. A handler that is running may still finish
// afterwards. Close must not be called from a handler or from OnEvent; a
// second call does nothing.
func (b *Bus) Close() error {
	if b.ctx.Err() != nil {
		return nil
	}
	var err error
	if b.nc != nil && b.nc.IsConnected() {
		err = b.fault("close bus", b.cfg.Name, b.nc.FlushTimeout(closeTimeout))
	}
	b.cancel()
	if b.nc != nil {
		b.nc.Close()
		<-b.closed
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
	return err
}

// URL returns the address by which other processes reach the bus, or "" when
// it is embedded and does not listen.
func (b *Bus) URL() string {
	switch {
	case b.server == nil:
		return b.cfg.URL
	case b.cfg.Listen == "":
		return ""
	}
	return b.server.ClientURL()
}

// Stats returns the counters of the connection.
func (b *Bus) Stats() Stats {
	return Stats{Reconnects: b.nc.Stats().Reconnects, SlowConsumers: b.slow.Load()}
}

// join returns a context that ends with ctx or with the bus.
func (b *Bus) join(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(b.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// answer returns the context of a call that brings none.
func (b *Bus) answer() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, answerTimeout)
}
