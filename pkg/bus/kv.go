package bus

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// KV is a bucket of keys and values with revisions. Keys are made of letters,
// digits and -_=./ without a dot at either end. It is safe for concurrent use.
type KV struct {
	conn *Conn
	kv   jetstream.KeyValue
}

// Entry is one revision of a key.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64
	// Time is when the broker stored it.
	Time time.Time
	// Deleted is true for a revision that removed the key.
	Deleted bool
}

// KV opens a bucket. Faults: bus.not_found, bus.timeout.
func (c *Conn) KV(ctx context.Context, bucket string) (*KV, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	kv, err := c.js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, busFault("open bucket "+bucket, err)
	}
	return &KV{conn: c, kv: kv}, nil
}

// Get returns the value and the revision of a key. Faults: bus.not_found.
func (k *KV) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	ctx, cancel := k.conn.withTimeout(ctx)
	defer cancel()
	e, err := k.kv.Get(ctx, key)
	if err != nil {
		return nil, 0, keyFault("get key ", key, err)
	}
	return e.Value(), e.Revision(), nil
}

// Create stores a key that must not exist. Faults: bus.fenced when it does.
func (k *KV) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	ctx, cancel := k.conn.withTimeout(ctx)
	defer cancel()
	rev, err := k.kv.Create(ctx, key, value)
	return rev, keyFault("create key ", key, err)
}

// Put stores a key whatever it held before.
func (k *KV) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	ctx, cancel := k.conn.withTimeout(ctx)
	defer cancel()
	rev, err := k.kv.Put(ctx, key, value)
	return rev, keyFault("put key ", key, err)
}

// Update stores a key whose revision must still be the one given.
// Faults: bus.fenced when it is not.
func (k *KV) Update(
	ctx context.Context, key string, value []byte, revision uint64,
) (uint64, error) {
	ctx, cancel := k.conn.withTimeout(ctx)
	defer cancel()
	rev, err := k.kv.Update(ctx, key, value, revision)
	return rev, keyFault("update key ", key, err)
}

// Delete removes a key. One that does not exist is removed as well.
func (k *KV) Delete(ctx context.Context, key string) error {
	ctx, cancel := k.conn.withTimeout(ctx)
	defer cancel()
	return keyFault("delete key ", key, k.kv.Delete(ctx, key))
}

// Keys returns the keys that start with prefix, sorted. An empty prefix returns
// all of them.
func (k *KV) Keys(ctx context.Context, prefix string) ([]string, error) {
	ctx, cancel := k.conn.withTimeout(ctx)
	defer cancel()
	all, err := k.kv.Keys(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, keyFault("list keys ", prefix, err)
	}
	keys := slices.DeleteFunc(all, func(key string) bool { return !strings.HasPrefix(key, prefix) })
	slices.Sort(keys)
	return keys, nil
}

// Matching returns the keys that match pattern (wildcards as in subjects), in no
// order. It reads no other keys.
func (k *KV) Matching(ctx context.Context, pattern string) ([]string, error) {
	ctx, cancel := k.conn.withTimeout(ctx)
	defer cancel()
	lister, err := k.kv.ListKeysFiltered(ctx, pattern)
	if err != nil {
		return nil, keyFault("list keys ", pattern, err)
	}
	var keys []string
	for key := range lister.Keys() {
		keys = append(keys, key)
	}
	if err := ctx.Err(); err != nil {
		return nil, keyFault("list keys ", pattern, err)
	}
	return keys, nil
}

// History returns the revisions of a key that the bucket keeps, oldest first.
// Faults: bus.not_found when there are none.
func (k *KV) History(ctx context.Context, key string) ([]Entry, error) {
	ctx, cancel := k.conn.withTimeout(ctx)
	defer cancel()
	list, err := k.kv.History(ctx, key)
	if err != nil {
		return nil, keyFault("history of key ", key, err)
	}
	all := make([]Entry, 0, len(list))
	for _, e := range list {
		all = append(all, *entryOf(e))
	}
	return all, nil
}

// Each calls fn with the newest revision of every key that matches pattern
// (wildcards as in subjects), but for those that were removed. It returns the first
// error of fn.
func (k *KV) Each(ctx context.Context, pattern string, fn func(*Entry) error) error {
	err := k.Watch(ctx, pattern, func(e *Entry) error {
		switch {
		case e == nil:
			return errAll
		case e.Deleted:
			return nil
		}
		return fn(e)
	})
	if errors.Is(err, errAll) {
		return nil
	}
	return err
}

// errAll ends a look at what a bucket holds now.
var errAll = errors.New("that is all there is")

// Watch calls fn with the newest revision of every key that matches pattern
// (wildcards as in subjects), then with nil, then with each change, until ctx
// ends or fn returns an error, which it returns. It survives reconnects.
func (k *KV) Watch(ctx context.Context, pattern string, fn func(*Entry) error) error {
	w, err := k.kv.Watch(ctx, pattern)
	if err != nil {
		return keyFault("watch ", pattern, err)
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			if !ok {
				return fault.New(fault.BusClosed, "watch "+pattern, ctx.Err())
			}
			if err := fn(entryOf(e)); err != nil {
				return err
			}
		}
	}
}

func entryOf(e jetstream.KeyValueEntry) *Entry {
	if e == nil {
		return nil
	}
	return &Entry{
		Key: e.Key(), Value: e.Value(), Revision: e.Revision(),
		Time: e.Created().UTC(), Deleted: e.Operation() != jetstream.KeyValuePut,
	}
}

func keyFault(doing, key string, err error) error {
	if errors.Is(err, jetstream.ErrInvalidKey) {
		return fault.New(fault.BusNotFound, doing+fault.Clip(key, 128)+": not a key", nil)
	}
	return busFault(doing+key, err)
}
