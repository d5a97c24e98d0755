package bus

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// objectChunk is the size of the messages that an object is cut into.
const objectChunk = 1 << 20

// PutObject stores data under name, in place of what was there. It returns
// once all is stored, or ErrStoreFull; a reader meanwhile gets the old bytes, the
// new or an error, never a mixture. Buckets are made on first use and kept on
// disk.
func (b *Bus) PutObject(ctx context.Context, bucket, name string, data []byte) error {
	ctx, cancel := b.join(ctx)
	defer cancel()
	store, err := b.objectStore(bucket)
	if err == nil {
		meta := jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: objectChunk}}
		_, err = store.Put(ctx, meta, bytes.NewReader(data))
	}
	return b.fault("put object", bucket+"/"+name, err)
}

// GetObject returns the bytes stored under name, which the caller owns. It
// returns ErrNotFound, and ErrDigest when they do not match the SHA-256 that
// was taken when they were put.
func (b *Bus) GetObject(ctx context.Context, bucket, name string) ([]byte, error) {
	ctx, cancel := b.join(ctx)
	defer cancel()
	store, err := b.objectStore(bucket)
	if err != nil {
		return nil, b.fault("get object", bucket+"/"+name, err)
	}
	data, err := store.GetBytes(ctx, name)
	if err != nil {
		return nil, b.fault("get object", bucket+"/"+name, err)
	}
	return data, nil
}

// TrimObjects deletes all but the keep newest objects of a bucket.
func (b *Bus) TrimObjects(ctx context.Context, bucket string, keep int) error {
	ctx, cancel := b.join(ctx)
	defer cancel()
	store, err := b.objectStore(bucket)
	if err != nil {
		return b.fault("trim objects of", bucket, err)
	}
	objects, err := store.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return b.fault("trim objects of", bucket, err)
	}
	slices.SortFunc(objects, func(x, y *jetstream.ObjectInfo) int { return y.ModTime.Compare(x.ModTime) })
	for _, o := range objects[min(keep, len(objects)):] {
		if err := store.Delete(ctx, o.Name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return b.fault("delete object", bucket+"/"+o.Name, err)
		}
	}
	return nil
}

// objectStore returns the object bucket of a name, made when missing.
func (b *Bus) objectStore(name string) (jetstream.ObjectStore, error) {
	return b.objects.get(name, func() (jetstream.ObjectStore, error) {
		ctx, cancel := b.answer()
		defer cancel()
		store, err := b.js.ObjectStore(ctx, name)
		if !errors.Is(err, jetstream.ErrBucketNotFound) {
			return store, err
		}
		return b.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: name})
	})
}
