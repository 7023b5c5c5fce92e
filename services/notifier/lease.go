package notifier

import (
	"context"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// leaseKey is the key of the lease in the bucket of endpoints, whose keys have a dot.
const leaseKey = "lease"

// lease is the right to send, which one process has. Whoever wrote it last has it, for
// as long as it goes on writing; nobody compares clocks. It is used by one goroutine.
type lease struct {
	bus    *bus.Conn
	owner  string
	length time.Duration

	held     bool
	revision uint64    // of what was written or seen last
	at       time.Time // when it was written, or first seen
}

// keep renews the lease, or tries to get it, when it is time, and reports whether it is
// held for certain.
func (l *lease) keep(ctx context.Context) bool {
	kv, err := l.bus.KV(ctx, events.BucketEndpoints)
	if err != nil {
		return l.uncertain()
	}
	if !l.held {
		return l.claim(ctx, kv)
	}
	if time.Since(l.at) < l.length/4 {
		return true
	}
	began := time.Now()
	revision, err := kv.Update(ctx, leaseKey, []byte(l.owner), l.revision)
	switch {
	case err == nil:
		l.revision, l.at = revision, began
		return true
	case fault.Has(err, fault.BusFenced):
		l.held = false
		return false
	}
	return l.uncertain()
}

// uncertain reports whether the lease cannot have run out yet.
func (l *lease) uncertain() bool {
	l.held = l.held && time.Since(l.at) < l.length/2
	return l.held
}

// claim gets a lease that nobody has, or that nobody has renewed for as long as it lasts.
func (l *lease) claim(ctx context.Context, kv *bus.KV) bool {
	began := time.Now()
	owner, revision, err := kv.Get(ctx, leaseKey)
	switch {
	case fault.Has(err, fault.BusNotFound):
		revision, err = kv.Create(ctx, leaseKey, []byte(l.owner))
	case err != nil:
		return false
	case len(owner) > 0 && revision != l.revision:
		l.revision, l.at = revision, began
		return false
	case len(owner) > 0 && time.Since(l.at) < l.length:
		return false
	default:
		revision, err = kv.Update(ctx, leaseKey, []byte(l.owner), revision)
	}
	if err != nil {
		return false
	}
	l.held, l.revision, l.at = true, revision, began
	return true
}

// giveBack lets somebody else have it at once. When that does not work, it runs out.
func (l *lease) giveBack(ctx context.Context) {
	if !l.held {
		return
	}
	l.held = false
	if kv, err := l.bus.KV(ctx, events.BucketEndpoints); err == nil {
		_, _ = kv.Update(ctx, leaseKey, nil, l.revision)
	}
}
