package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrPortTaken is returned when another process listens on Config.Listen.
	ErrPortTaken = errors.New("port is taken")
	// ErrUnreachable is returned when no server answers at Config.URL.
	ErrUnreachable = errors.New("bus is unreachable")
	// ErrBadToken is returned when the server at Config.URL does not take
	// Config.Token.
	ErrBadToken = errors.New("bus does not take the token")
	// ErrNoStorage is returned when the server has no JetStream, which queues,
	// keys and objects need.
	ErrNoStorage = errors.New("bus has no storage")
	// ErrStoreFull is returned when the server cannot store more: the disk of
	// its folder is full, or the limit it was given is reached.
	ErrStoreFull = errors.New("store of the bus is full")
	// ErrClosed is returned when the bus was closed before or during a call.
	ErrClosed = errors.New("bus is closed")
	// ErrTooLarge is returned when a message exceeds the server's payload
	// limit. Such data belongs in an object.
	ErrTooLarge = errors.New("message is too large")
	// ErrNoResponder is returned when nobody responds on a request's subject.
	ErrNoResponder = errors.New("nobody responds")
	// ErrNoQueue is returned when a queue was not ensured on this bus.
	ErrNoQueue = errors.New("no such queue")
	// ErrNotFound is returned when a key or an object does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict is returned when a key's revision is not the one expected:
	// somebody else wrote it first.
	ErrConflict = errors.New("revision conflict")
	// ErrDigest is returned when an object's bytes do not match its digest.
	ErrDigest = errors.New("digest mismatch")
	// ErrBadName is returned when a subject, or a token of one, is malformed.
	ErrBadName = errors.New("bad name")
)

// translations maps the errors of the client to those of this package; the
// first match wins.
var translations = []struct{ theirs, ours error }{
	{nats.ErrConnectionClosed, ErrClosed},
	{nats.ErrMaxPayload, ErrTooLarge},
	{jetstream.ErrStreamMessageExceedsMaximum, ErrTooLarge},
	{jetstream.ErrKeyNotFound, ErrNotFound},
	{jetstream.ErrObjectNotFound, ErrNotFound},
	{jetstream.ErrKeyExists, ErrConflict},
	{jetstream.ErrKeyRevisionMismatch, ErrConflict},
	{jetstream.ErrDigestMismatch, ErrDigest},
	{jetstream.ErrStreamNotFound, ErrNoQueue},
}

// fullCodes are the server's codes for want of room: account, server, file and
// memory limits, and a failed write.
var fullCodes = map[jetstream.ErrorCode]bool{10002: true, 10023: true, 10047: true, 10028: true, 10077: true}

// fault wraps err with what was done to what, and with this package's error
// where there is one. It returns nil for nil.
func (b *Bus) fault(operation, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", operation, name, b.translate(err))
}

func (b *Bus) translate(err error) error {
	if b.ctx.Err() != nil {
		return ErrClosed
	}
	var api *jetstream.APIError
	if errors.As(err, &api) && fullCodes[api.ErrorCode] || b.storageLost() {
		return fmt.Errorf("%w (%w): free space %sor raise its limit, then run the command again", ErrStoreFull, err, b.where())
	}
	for _, t := range translations {
		if errors.Is(err, t.theirs) {
			return fmt.Errorf("%w (%w)", t.ours, err)
		}
	}
	if errors.Is(err, nats.ErrTimeout) {
		return fmt.Errorf("%w (%w)", context.DeadlineExceeded, err)
	}
	return err
}

// storageLost says whether the embedded server has switched its storage off,
// as it does when a write fails for want of space.
func (b *Bus) storageLost() bool { return b.server != nil && !b.server.JetStreamEnabled() }

// where names the embedded server's folder for a message.
func (b *Bus) where() string {
	if b.server == nil {
		return "on the server "
	}
	return "in " + b.cfg.StoreDir + " "
}
