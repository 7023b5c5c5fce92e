package bus

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// heardAtOnce is how many changes may wait for a listener; more are lost.
const heardAtOnce = 256

// Listen calls fn with the newest revision of every key that matches pattern (wildcards
// as in subjects), then with nil, then with each change, until ctx ends or fn returns an
// error, which it returns. Unlike [KV.Watch] it makes no consumer, so that it needs no
// more rights than to read the bucket and to subscribe to its subjects. It costs a round
// trip for every key, and it may lose changes: while the connection is lost, and when fn
// is slow. It is for hints that are repeated. A change that is told as it happens has
// revision 0. Faults: bus.closed, bus.timeout.
func (k *KV) Listen(ctx context.Context, pattern string, fn func(*Entry) error) error {
	stream, root := "KV_"+k.kv.Bucket(), "$KV."+k.kv.Bucket()+"."
	heard := make(chan *Message, heardAtOnce)
	stop, err := k.conn.Subscribe(root+pattern, func(m *Message) {
		select {
		case heard <- m:
		default:
		}
	})
	if err != nil {
		return err
	}
	defer stop()
	for next := uint64(1); ; {
		m, err := k.conn.Next(ctx, stream, root+pattern, next)
		if fault.Has(err, fault.BusNotFound) {
			break
		}
		if err != nil {
			return err
		}
		if err := fn(entryFrom(m, root)); err != nil {
			return err
		}
		next = m.Sequence + 1
	}
	if err := fn(nil); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-k.conn.closed:
			return fault.New(fault.BusClosed, "listen to "+pattern, nil)
		case m := <-heard:
			if err := fn(entryFrom(m, root)); err != nil {
				return err
			}
		}
	}
}

// headerOperation says that a message removes its key.
const headerOperation = "KV-Operation"

// entryFrom reads an entry of a bucket from the message that stands for it.
func entryFrom(m *Message, root string) *Entry {
	_, removed := m.Header[headerOperation]
	return &Entry{
		Key: strings.TrimPrefix(m.Subject, root), Value: m.Data, Revision: m.Sequence, Time: m.Time,
		Deleted: removed || m.Header[jetstream.MarkerReasonHeader] != "",
	}
}
