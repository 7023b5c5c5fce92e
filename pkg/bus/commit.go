package bus

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Races that the broker has not decided yet are tried again, at most this often.
const (
	undecidedTries = 5
	undecidedPause = 2 * time.Millisecond
)

// Commit stores one message, usually a fenced one, and returns its sequence.
//
// A write whose answer was lost is sent again. The broker then refuses it, for
// the fence is behind by the write itself; Commit reads the last message under
// the fence and finds its own transaction, the header [events.HeaderTx], which
// it adds when there is none: that is success. It fails with bus.fenced only if
// another writer was faster.
//
// Faults: as for [Conn.Publish].
func (c *Conn) Commit(ctx context.Context, o Out) (uint64, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	m, err := c.encode(&o)
	if err != nil {
		return 0, err
	}
	tx := m.Header.Get(events.HeaderTx)
	if tx == "" {
		tx = rand.Text()
		m.Header[events.HeaderTx] = []string{tx}
	}
	for try := 1; ; try++ {
		acks, err := c.store(ctx, []*nats.Msg{m})
		switch {
		case err == nil && !acks[0].Duplicate:
			return acks[0].Seq, nil
		case err == nil:
			return c.settleDuplicate(ctx, o.Subject, tx, acks[0].Seq)
		case o.Fence == nil || !fault.Has(err, fault.BusFenced):
			return 0, err
		}
		seq, open, unknown := c.mine(ctx, o, tx)
		switch {
		case unknown != nil:
			return 0, unknown // it may be one's own write that was refused the second time
		case seq != 0:
			return seq, nil
		case !open || try == undecidedTries:
			return 0, err
		}
		if sleep(ctx, undecidedPause) != nil {
			return 0, err
		}
	}
}

// mine finds out who holds the fence. It returns the sequence of the message
// when it was written by tx; open is true when nobody has moved the fence, so
// that the refusal was that of a race still going on.
func (c *Conn) mine(ctx context.Context, o Out, tx string) (seq uint64, open bool, err error) {
	stream, err := c.streamOf(ctx, o.Subject)
	if err != nil {
		return 0, false, err
	}
	last, err := c.Last(ctx, stream, o.Fence.Filter)
	switch {
	case fault.Has(err, fault.BusNotFound):
		return 0, o.Fence.Last == 0, nil
	case err != nil:
		return 0, false, err
	case last.Header[events.HeaderTx] == tx:
		return last.Sequence, false, nil
	}
	return 0, last.Sequence == o.Fence.Last, nil
}

// settleDuplicate decides about a message whose id the stream has seen: replicas
// look at the id before they look at the fence, and two writers of the same
// revision use the same id.
func (c *Conn) settleDuplicate(
	ctx context.Context, subject, tx string, seq uint64,
) (uint64, error) {
	stream, err := c.streamOf(ctx, subject)
	if err != nil {
		return 0, err
	}
	m, err := c.Get(ctx, stream, seq)
	switch {
	case err == nil && m.Header[events.HeaderTx] == tx:
		return seq, nil
	case err == nil, fault.Has(err, fault.BusNotFound):
		return 0, fault.New(fault.BusFenced, "publish to "+subject+": the id was used before", nil)
	}
	return 0, err
}
