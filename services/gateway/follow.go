package gateway

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// followBuffer is how many live messages may wait for a slow reader. What does not
// fit is read from the log.
const followBuffer = 64

// fewRecords is how many records are read one by one: a follower that has only just
// begun, or missed a moment, has no more to catch up with, and a consumer of its own
// would cost the broker more than they do.
const fewRecords = 16

// errEnough ends a follow from inside.
var errEnough = errors.New("enough")

// follower reads every record of one job in order, one time each: what the log
// holds first, then live. A live message that does not continue where the last
// record ended only says that the log has more, so whatever is lost on core NATS is
// found again. It is used by one goroutine.
type follower struct {
	g           *Gateway
	bus         *bus.Conn
	tenant, job string
	// sequence and revision are those of the last record handed on. revision is 0
	// until the first one.
	sequence, revision uint64
	record             func(*bus.Message) error

	live chan *bus.Message
	lost atomic.Bool
	stop func()
}

// follow starts to listen on b; [follower.close] ends it. Records after the sequence
// after will be handed to record.
func (g *Gateway) follow(
	b *bus.Conn, tenant, job string, after uint64, record func(*bus.Message) error,
) (*follower, error) {
	f := &follower{
		g: g, bus: b, tenant: tenant, job: job, sequence: after, record: record,
		live: make(chan *bus.Message, followBuffer),
	}
	var err error
	f.stop, err = b.Subscribe(events.LiveOf(tenant, job), func(m *bus.Message) {
		select {
		case f.live <- m:
		default:
			f.lost.Store(true)
		}
	})
	return f, err
}

func (f *follower) close() { f.stop() }

// catchUp hands on what the log holds after the last record: up to one that is known
// to be there, or, when that is nil, all.
func (f *follower) catchUp(ctx context.Context, to *bus.Message) error {
	f.lost.Store(false)
	if to != nil && revisionOf(to) == f.revision+1 {
		return f.hand(to)
	}
	history := events.HistoryFilter(f.tenant, f.job)
	for range fewRecords {
		if to != nil && f.sequence >= to.Sequence {
			return nil
		}
		m, err := f.bus.Next(ctx, events.StreamEvents, history, f.sequence+1)
		if fault.Has(err, fault.BusNotFound) {
			return nil
		}
		if err == nil {
			err = f.hand(m)
		}
		if err != nil {
			return err
		}
	}
	return f.bus.Scan(ctx, bus.Scan{
		Stream: events.StreamEvents, From: f.sequence + 1, Filters: []string{history},
	}, f.hand)
}

// hand passes a record on, unless that was done already.
func (f *follower) hand(m *bus.Message) error {
	if m.Sequence <= f.sequence {
		return nil
	}
	f.sequence, f.revision = m.Sequence, revisionOf(m)
	f.g.recent.learn(m, time.Now())
	return f.record(m)
}

// take looks at a live message.
func (f *follower) take(ctx context.Context, m *bus.Message) error {
	switch {
	case m.Sequence == 0:
		return nil // no record: somebody else publishes here
	case m.Sequence <= f.sequence && !f.lost.Load():
		return nil
	case f.lost.Load():
		return f.catchUp(ctx, nil)
	}
	return f.catchUp(ctx, m)
}

// check looks whether the log has more than was announced.
func (f *follower) check(ctx context.Context) error {
	m, err := lastRecord(ctx, f.bus, f.tenant, f.job)
	switch {
	case err == nil && m.Sequence > f.sequence:
		return f.catchUp(ctx, m)
	case fault.Has(err, fault.JobNotFound):
		return errEnough // the job has passed its retention
	case err != nil && ctx.Err() == nil && retryable(fault.ClassOf(err)):
		return nil // the broker is away; the next check finds out
	}
	return err
}

// run catches up, to a record that is known or with nil to the last one, and follows until record returns an error, which it returns, or
// until the gateway closes or ctx ends. on says what else to wait for.
func (f *follower) run(ctx context.Context, to *bus.Message, on *besides) error {
	if err := f.catchUp(ctx, to); err != nil {
		return err
	}
	tick := time.NewTicker(on.every)
	defer tick.Stop()
	for {
		var err error
		select {
		case m := <-f.live:
			err = f.take(ctx, m)
		case m := <-on.progress:
			err = on.report(m)
		case <-tick.C:
			if err = on.tick(); err == nil {
				err = f.check(ctx)
			}
		case <-f.g.closing:
			return errEnough
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// besides is what a follower waits for besides records.
type besides struct {
	// tick is called at least this often, in between records.
	every time.Duration
	tick  func() error
	// report is called with what comes through progress, which may be nil.
	progress <-chan *bus.Message
	report   func(*bus.Message) error
}
