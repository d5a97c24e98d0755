package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Publish sends data to whoever subscribes to subject now, at most once. It
// copies data and does not wait; while the server is away up to 8 MiB are
// held back. Messages of one bus arrive in the order of their publication. It
// returns ErrTooLarge and ErrClosed.
func (b *Bus) Publish(subject string, data []byte) error {
	return b.fault("publish", subject, b.nc.Publish(subject, data))
}

// Subscribe calls handle for each message whose subject matches pattern, one
// at a time and in order, from a goroutine of the subscription. handle owns
// data. Messages published after Subscribe returned are seen. When handle
// falls behind by a million messages or 256 MiB, messages are dropped and
// counted in Stats.
//
// stop ends the subscription without waiting for handle; it may be called
// more than once, also from handle.
func (b *Bus) Subscribe(pattern string, handle func(subject string, data []byte)) (stop func(), err error) {
	sub, err := b.subscribe(pattern, func(m *nats.Msg) { handle(m.Subject, m.Data) })
	if err != nil {
		return nil, err
	}
	return func() { _ = sub.Unsubscribe() }, nil // an error here means that it has ended already
}

func (b *Bus) subscribe(pattern string, handle nats.MsgHandler) (*nats.Subscription, error) {
	sub, err := b.nc.Subscribe(pattern, handle)
	if err == nil {
		err = sub.SetPendingLimits(maxPendingMessages, maxPendingBytes)
	}
	if err == nil {
		err = b.nc.FlushTimeout(answerTimeout) // the server knows of it from here on
	}
	if err != nil {
		return nil, b.fault("subscribe to", pattern, err)
	}
	return sub, nil
}

// Request sends data to whoever responds on subject and returns the first
// answer, which the caller owns. It returns ErrNoResponder at once when nobody
// does, and context.DeadlineExceeded when no answer came before the end of
// ctx, or within 5 s where ctx has no deadline. Whether the request was
// carried out is then unknown, so requests are idempotent.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	ctx, cancel := b.join(ctx)
	defer cancel()
	if _, ok := ctx.Deadline(); !ok {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, answerTimeout)
		defer stop()
	}
	m, err := b.nc.RequestWithContext(ctx, subject, data)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, fmt.Errorf("request %s: %w", subject, ErrNoResponder)
	}
	if err != nil {
		return nil, b.fault("request", subject, err)
	}
	return m.Data, nil
}

// Respond answers each request on pattern with what handle returns. It is
// Subscribe otherwise; what was merely published gets no answer.
func (b *Bus) Respond(pattern string, handle func(subject string, data []byte) []byte) (stop func(), err error) {
	sub, err := b.subscribe(pattern, func(m *nats.Msg) {
		answer := handle(m.Subject, m.Data)
		if m.Reply == "" {
			return
		}
		if err := m.Respond(answer); err != nil {
			b.report(Fault, b.fault("respond on", m.Subject, err))
		}
	})
	if err != nil {
		return nil, err
	}
	return func() { _ = sub.Unsubscribe() }, nil
}
