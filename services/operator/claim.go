package operator

import (
	"context"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// claim is the value of a lease. Whoever wrote it last holds the lease, for as long
// as it goes on writing; nobody compares clocks.
type claim struct {
	Owner string `json:"owner"` // empty when it was given back
	Beat  uint64 `json:"beat"`
}

// lease is the right to carry an operation out. It is used by one goroutine.
type lease struct {
	store    *store
	key      string
	owner    string
	revision uint64
	beat     uint64
	length   time.Duration
	written  time.Time
}

// keep renews a lease when it is time, and reports whether it is held for certain.
// Fault bus.fenced: somebody else has it.
func (l *lease) keep(ctx context.Context) (held bool, err error) {
	if time.Since(l.written) < l.length/4 {
		return true, nil
	}
	began := time.Now()
	l.beat++
	revision, err := l.store.put(ctx, l.key, claim{l.owner, l.beat}, l.revision)
	switch {
	case err == nil:
		l.revision, l.written = revision, began
		return true, nil
	case fault.Has(err, fault.BusFenced):
		return false, err
	case time.Since(l.written) < l.length/2:
		return true, nil // it is not known to be lost, and there is time
	case time.Since(l.written) < l.length:
		return false, nil
	}
	return false, err
}

// giveBack lets somebody else have it at once. When that does not work, it runs out.
func (l *lease) giveBack(ctx context.Context) {
	_, _ = l.store.put(ctx, l.key, claim{Beat: l.beat + 1}, l.revision)
}

// sight is a lease of somebody else as it was seen.
type sight struct {
	revision uint64
	since    time.Time
}

// claim tries to get the lease of an operation: one that nobody has, or that nobody
// has renewed for as long as it lasts. It returns nil when somebody else holds it.
func (o *Operator) claim(ctx context.Context, n name, owner string, seen *sight) (*lease, error) {
	var old claim
	revision, err := o.store.get(ctx, n.lease(), &old)
	switch {
	case fault.Has(err, fault.BusNotFound):
		revision = 0
	case err != nil:
		return nil, err
	case old.Owner != "":
		if seen.revision != revision {
			*seen = sight{revision, time.Now()}
		}
		if time.Since(seen.since) < o.Lease {
			return nil, nil
		}
	}
	l := &lease{
		store: o.store, key: n.lease(), owner: owner, length: o.Lease, beat: old.Beat + 1,
		written: time.Now(),
	}
	l.revision, err = o.store.put(ctx, l.key, claim{owner, l.beat}, revision)
	if fault.Has(err, fault.BusFenced) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}
