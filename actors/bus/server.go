package bus

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	startTimeout   = 20 * time.Second // a large store takes a while to read
	maxMemoryStore = 1 << 30          // bytes of queues kept in memory
)

// Check returns the error that Open would, as far as it can be known without an
// embedded server: faults of cfg, ErrPortTaken, and for an external server all.
func Check(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("open bus: %w", err)
	}
	if cfg.URL == "" {
		return listenOn(&server.Options{}, cfg.Listen)
	}
	b, err := Open(cfg)
	if err == nil {
		b.Close()
	}
	return err
}

// startServer runs the embedded server of cfg. It returns once the server
// takes connections.
func startServer(cfg Config) (*server.Server, error) {
	opts := &server.Options{
		DontListen:             cfg.Listen == "",
		Authorization:          cfg.Token,
		MaxPayload:             MaxPayload,
		JetStream:              true,
		JetStreamMaxMemory:     maxMemoryStore,
		JetStreamMaxStore:      cfg.MaxStoreBytes,
		StoreDir:               cfg.StoreDir,
		NoLog:                  true,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
	}
	if err := listenOn(opts, cfg.Listen); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.StoreDir, 0o755); err != nil {
		return nil, fmt.Errorf("make the bus's folder (choose another run directory, or free space): %w", err)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	log := &serverLog{}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	if fatal := log.fatal.Load(); fatal != nil || !s.ReadyForConnections(startTimeout) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("embedded server with folder %s: %w", cfg.StoreDir, log.cause())
	}
	return s, nil
}

// listenOn sets the address of opts. It tries the address first, since the
// server tells of an occupied port only in its log.
func listenOn(opts *server.Options, address string) error {
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %s; choose another with --listen, or stop the process that holds it", ErrPortTaken, address)
	}
	if err != nil {
		return fmt.Errorf("listen on %q (want host:port, e.g. 127.0.0.1:4222): %w", address, err)
	}
	defer l.Close()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	opts.Host = host
	if opts.Port, err = strconv.Atoi(port); err != nil {
		opts.Port = l.Addr().(*net.TCPAddr).Port // a service's name
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return nil
}

// serverLog keeps the server's last error and its fatal one, and drops the
// rest: what concerns a caller comes back from the call.
type serverLog struct {
	last, fatal atomic.Pointer[string]
}

func (l *serverLog) cause() error {
	for _, text := range []*string{l.fatal.Load(), l.last.Load()} {
		if text != nil {
			return errors.New(*text)
		}
	}
	return errors.New("not ready after " + startTimeout.String())
}

func (l *serverLog) Errorf(format string, v ...any) { keep(&l.last, format, v) }
func (l *serverLog) Fatalf(format string, v ...any) { keep(&l.fatal, format, v) }
func (l *serverLog) Noticef(string, ...any)         {}
func (l *serverLog) Warnf(string, ...any)           {}
func (l *serverLog) Debugf(string, ...any)          {}
func (l *serverLog) Tracef(string, ...any)          {}

func keep(to *atomic.Pointer[string], format string, v []any) {
	text := fmt.Sprintf(format, v...)
	to.Store(&text)
}
