package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// QueueConfig describes a work queue: each message goes to one worker at a
// time, stays until acknowledged, and comes again when it is not.
type QueueConfig struct {
	Name     string   // unique on the bus, from Store
	Subjects []string // subjects or patterns it collects; no other queue may have them
	// AckWait is how long a worker may keep a message before another gets it;
	// at least twice the usual work, or call Delivery.Extend. 0 for 30 s.
	AckWait time.Duration
	// MaxDeliver is how often a message is tried before Delivery.Exhausted says
	// so; 0 for no limit.
	MaxDeliver int
	// Dedup is how long the id of a message is remembered. 0 for 2 min.
	Dedup time.Duration
	// Memory keeps the queue in the server's memory: faster, and gone with the
	// server.
	Memory bool
}

// Validate reports all faults of c at once.
func (c QueueConfig) Validate() error {
	var faults []error
	if err := CheckToken(c.Name); err != nil {
		faults = append(faults, fmt.Errorf("queue's name: %w", err))
	}
	if len(c.Subjects) == 0 {
		faults = append(faults, errors.New("no subjects"))
	}
	if c.AckWait < 0 || c.Dedup < 0 || c.MaxDeliver < 0 {
		faults = append(faults, fmt.Errorf("negative AckWait %v, Dedup %v or MaxDeliver %d", c.AckWait, c.Dedup, c.MaxDeliver))
	}
	return errors.Join(faults...)
}

// EnsureQueue makes the queue, or brings an existing one to c; messages in it
// stay. Every process that pulls from the queue calls it first. It fails when
// another queue collects the same subjects, or when Memory differs from what
// the queue was made with.
func (b *Bus) EnsureQueue(c QueueConfig) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("ensure queue %s: %w", c.Name, err)
	}
	ctx, cancel := b.answer()
	defer cancel()
	_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:       c.Name,
		Subjects:   c.Subjects,
		Retention:  jetstream.WorkQueuePolicy,
		Discard:    jetstream.DiscardNew, // a full queue refuses; it never forgets
		Duplicates: c.Dedup,
		Storage:    c.storage(),
	})
	if err != nil {
		return b.fault("ensure queue", c.Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queues[c.Name] = c
	return nil
}

func (c QueueConfig) storage() jetstream.StorageType {
	if c.Memory {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// Enqueue stores data in the queue that collects subject, and returns once the
// server has it. A message whose id the queue still remembers (see
// QueueConfig.Dedup) is dropped without an error, also when the first was
// acknowledged or purged meanwhile: work that shall be done again needs a new
// id. It returns ErrNoQueue, ErrStoreFull, ErrTooLarge and ErrClosed; after any
// other error the message may be stored or not, and calling again with the
// same id is safe.
func (b *Bus) Enqueue(ctx context.Context, subject, id string, data []byte) error {
	ctx, cancel := b.join(ctx)
	defer cancel()
	_, err := b.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: data}, jetstream.WithMsgID(id))
	if errors.Is(err, jetstream.ErrNoStreamResponse) && !b.storageLost() {
		return fmt.Errorf("enqueue %s: %w", subject, ErrNoQueue)
	}
	return b.fault("enqueue", subject, err)
}

// QueueDepth returns the messages that wait for a worker, and those that
// workers hold.
func (b *Bus) QueueDepth(queue string) (pending, unacked int, err error) {
	ctx, cancel := b.answer()
	defer cancel()
	stream, err := b.js.Stream(ctx, queue)
	if err != nil {
		return 0, 0, b.fault("measure queue", queue, err)
	}
	consumers := stream.ListConsumers(ctx)
	for info := range consumers.Info() {
		unacked += info.NumAckPending
	}
	if err := consumers.Err(); err != nil {
		return 0, 0, b.fault("measure queue", queue, err)
	}
	return max(0, int(stream.CachedInfo().State.Msgs)-unacked), unacked, nil
}

// Purge removes the messages of a queue whose subject matches pattern, those
// that workers hold included; "" for all. Their ids stay remembered, see
// Enqueue.
func (b *Bus) Purge(queue, pattern string) error {
	ctx, cancel := b.answer()
	defer cancel()
	stream, err := b.js.Stream(ctx, queue)
	if err != nil {
		return b.fault("purge queue", queue, err)
	}
	return b.fault("purge queue", queue, stream.Purge(ctx, jetstream.WithPurgeSubject(pattern)))
}
