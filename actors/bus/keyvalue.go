package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// markerTTL is how long the server remembers that a key has expired, for
// watchers that were away.
const markerTTL = time.Minute

// Entry is the value of a key, or the news that the key is gone.
type Entry struct {
	Key      string
	Value    []byte // owned by the receiver; nil when Deleted
	Revision uint64 // grows with each change in the bucket
	Deleted  bool   // deleted or expired
}

// Put sets key to value and returns its revision. With ttl, in whole seconds
// and at least one, the key expires unless put again before: the lease of one
// who may die. 0 keeps it for ever. Buckets are made on first use and kept on
// disk.
func (b *Bus) Put(bucket, key string, value []byte, ttl time.Duration) (revision uint64, err error) {
	ctx, cancel := b.answer()
	defer cancel()
	revision, err = b.put(ctx, bucket, key, value, ttl)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		b.keys.drop(bucket) // it went with its server, and is made anew on another
		revision, err = b.put(ctx, bucket, key, value, ttl)
	}
	return revision, b.fault("put key", bucket+"/"+key, err)
}

func (b *Bus) put(ctx context.Context, bucket, key string, value []byte, ttl time.Duration) (revision uint64, err error) {
	kv, err := b.bucket(bucket)
	if err != nil {
		return 0, err
	}
	if ttl == 0 {
		return kv.Put(ctx, key, value)
	}
	// The client offers a time to live only for new keys; the server takes it
	// with any message, and leases must be renewed.
	ack, err := b.js.PublishMsg(ctx, &nats.Msg{Subject: "$KV." + bucket + "." + key, Data: value}, jetstream.WithMsgTTL(ttl))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// Update sets key to value if its revision is still the given one, 0 meaning
// that the key does not exist, and returns the new revision. It returns
// ErrConflict when somebody else was faster.
func (b *Bus) Update(bucket, key string, value []byte, revision uint64) (uint64, error) {
	ctx, cancel := b.answer()
	defer cancel()
	kv, err := b.bucket(bucket)
	if err == nil && revision == 0 {
		revision, err = kv.Create(ctx, key, value)
	} else if err == nil {
		revision, err = kv.Update(ctx, key, value, revision)
	}
	if err != nil {
		return 0, b.fault("update key", bucket+"/"+key, err)
	}
	return revision, nil
}

// Get returns the value of key. It returns ErrNotFound when there is none, or
// it has expired.
func (b *Bus) Get(bucket, key string) (Entry, error) {
	ctx, cancel := b.answer()
	defer cancel()
	kv, err := b.bucket(bucket)
	if err != nil {
		return Entry{}, b.fault("get key", bucket+"/"+key, err)
	}
	e, err := kv.Get(ctx, key)
	if err != nil {
		return Entry{}, b.fault("get key", bucket+"/"+key, err)
	}
	return newEntry(e), nil
}

// Delete removes key; a key that does not exist is no error.
func (b *Bus) Delete(bucket, key string) error {
	ctx, cancel := b.answer()
	defer cancel()
	kv, err := b.bucket(bucket)
	if err == nil {
		err = kv.Delete(ctx, key)
	}
	return b.fault("delete key", bucket+"/"+key, err)
}

// Keys returns the keys of a bucket, sorted.
func (b *Bus) Keys(bucket string) ([]string, error) {
	ctx, cancel := b.answer()
	defer cancel()
	kv, err := b.bucket(bucket)
	if err != nil {
		return nil, b.fault("list keys of", bucket, err)
	}
	keys, err := kv.Keys(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, b.fault("list keys of", bucket, err)
	}
	slices.Sort(keys)
	return keys, nil
}

// Watch calls handle with the present value of each key that matches pattern
// (Any for all), then with each change, one at a time and in order, from a
// goroutine of the watch. stop ends it without waiting for handle; it may be
// called more than once, also from handle.
func (b *Bus) Watch(bucket, pattern string, handle func(Entry)) (stop func(), err error) {
	kv, err := b.bucket(bucket)
	if err != nil {
		return nil, b.fault("watch keys of", bucket, err)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	w, err := kv.Watch(ctx, pattern)
	if err != nil {
		cancel()
		return nil, b.fault("watch keys of", bucket, err)
	}
	var stopped atomic.Bool
	go func() {
		for e := range w.Updates() { // to the end, or the client's goroutine would block
			if e != nil && !stopped.Load() { // nil ends the present values
				handle(newEntry(e))
			}
		}
	}()
	return func() {
		stopped.Store(true)
		_ = w.Stop() // an error here means that it has ended already
		cancel()
	}, nil
}

func newEntry(e jetstream.KeyValueEntry) Entry {
	if e.Operation() != jetstream.KeyValuePut {
		return Entry{Key: e.Key(), Revision: e.Revision(), Deleted: true}
	}
	return Entry{Key: e.Key(), Value: e.Value(), Revision: e.Revision()}
}

// bucket returns the key bucket of a name, made when missing.
func (b *Bus) bucket(name string) (jetstream.KeyValue, error) {
	return b.keys.get(name, func() (jetstream.KeyValue, error) {
		ctx, cancel := b.answer()
		defer cancel()
		kv, err := b.js.KeyValue(ctx, name)
		if !errors.Is(err, jetstream.ErrBucketNotFound) {
			return kv, err
		}
		kv, err = b.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: name, History: 1, LimitMarkerTTL: markerTTL})
		if errors.Is(err, jetstream.ErrLimitMarkerTTLNotSupported) {
			return nil, fmt.Errorf("%w: use nats-server 2.11 or later", err)
		}
		return kv, err
	})
}
