package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Delivery is one attempt at a queued message. Its holder calls Ack, Nak or
// Term once, after the effect; with none of them, or when the holder dies, the
// message comes again after QueueConfig.AckWait.
type Delivery struct {
	Subject  string
	ID       string // as given to Enqueue
	Data     []byte // owned by the holder
	Attempts int    // deliveries so far, this one included

	msg        jetstream.Msg
	bus        *Bus
	maxDeliver int
}

// Exhausted says whether QueueConfig.MaxDeliver attempts were made before this
// one: the work has proved impossible, and is ended with a reason, then Term.
func (d Delivery) Exhausted() bool { return d.maxDeliver > 0 && d.Attempts > d.maxDeliver }

// Ack removes the message. When it returns nil the server has removed it.
func (d Delivery) Ack() error {
	ctx, cancel := d.bus.answer()
	defer cancel()
	return d.bus.fault("acknowledge", d.Subject, d.msg.DoubleAck(ctx))
}

// Nak gives the message back: it comes again after delay. Nak does not wait
// for the server; if it is lost, AckWait does its work.
func (d Delivery) Nak(delay time.Duration) error {
	return d.bus.fault("give back", d.Subject, d.msg.NakWithDelay(delay))
}

// Extend starts AckWait anew, for work that takes long. It does not wait for
// the server.
func (d Delivery) Extend() error {
	return d.bus.fault("extend", d.Subject, d.msg.InProgress())
}

// Term removes a message that can never be handled, such as an undecodable
// one; reason goes to the server's advisories. It does not wait for the
// server.
func (d Delivery) Term(reason string) error {
	return d.bus.fault("terminate", d.Subject, d.msg.TermWithReason(reason))
}

// Pull takes up to max messages of a queue whose subjects match filter ("" for
// all) on behalf of consumer, the name that workers who share the work have in
// common. It returns as soon as there is one, or none and no error after wait.
//
// Consumers of one queue have disjoint filters. Pull returns ErrNoQueue unless
// EnsureQueue was called on this bus, and the error of ctx when it ends first;
// it blocks, so no actor calls it from Receive.
func (b *Bus) Pull(ctx context.Context, queue, consumer, filter string, max int, wait time.Duration) ([]Delivery, error) {
	b.mu.Lock()
	config, ok := b.queues[queue]
	b.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("pull from queue %s: %w: ensure it first", queue, ErrNoQueue)
	}
	ctx, cancel := b.join(ctx)
	defer cancel()
	name := queue + " " + consumer
	c, err := b.consumers.get(name, func() (jetstream.Consumer, error) {
		return b.js.CreateOrUpdateConsumer(ctx, queue, jetstream.ConsumerConfig{
			Durable:       consumer,
			FilterSubject: filter,
			AckPolicy:     jetstream.AckExplicitPolicy,
			AckWait:       config.AckWait,
			MaxDeliver:    -1, // the server would leave the message behind in silence; see Exhausted
			MaxAckPending: -1, // workers bound themselves by max
			MemoryStorage: config.Memory,
		})
	})
	if err != nil {
		return nil, b.fault("pull from queue", queue, err)
	}
	messages, err := fetch(ctx, c, max, wait)
	if err != nil {
		b.consumers.drop(name) // it may be gone: made anew next time
		if cause := context.Cause(ctx); cause != nil && b.ctx.Err() == nil {
			err = cause
		}
	}
	if len(messages) == 0 {
		return nil, b.fault("pull from queue", queue, err)
	}
	return b.deliveries(messages, config.MaxDeliver), nil
}

// fetch asks for what is there, and only when that is nothing waits for one:
// a waiting request returns when it is full, not when it has something.
func fetch(ctx context.Context, c jetstream.Consumer, max int, wait time.Duration) ([]jetstream.Msg, error) {
	batch, err := c.FetchNoWait(max)
	if err != nil {
		return nil, err
	}
	messages, err := collect(batch)
	if len(messages) > 0 || err != nil || wait <= 0 {
		return messages, err
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if batch, err = c.Fetch(1, jetstream.FetchContext(waiting)); err != nil {
		return nil, err
	}
	messages, err = collect(batch)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = nil
	}
	return messages, err
}

func collect(batch jetstream.MessageBatch) ([]jetstream.Msg, error) {
	var messages []jetstream.Msg
	for m := range batch.Messages() {
		messages = append(messages, m)
	}
	return messages, batch.Error()
}

func (b *Bus) deliveries(messages []jetstream.Msg, maxDeliver int) []Delivery {
	out := make([]Delivery, 0, len(messages))
	for _, m := range messages {
		meta, err := m.Metadata()
		if err != nil {
			continue // not of the queue; Fetch never gives such a message
		}
		out = append(out, Delivery{
			Subject: m.Subject(), ID: m.Headers().Get(jetstream.MsgIDHeader), Data: m.Data(),
			Attempts: int(meta.NumDelivered), msg: m, bus: b, maxDeliver: maxDeliver,
		})
	}
	return out
}
