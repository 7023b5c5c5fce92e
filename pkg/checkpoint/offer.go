package checkpoint

import (
	"context"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// lastWords is how long an attempt whose worker drains may take to save the place
// that it offers.
const lastWords = 2 * time.Second

// Offer says that the state and what was written to the outputs belong together
// now: done bytes of total, 0 for unknown. The place is saved when half of
// Options.Bytes was done since the last one, or when Options.Every has passed. It
// does not wait until that is durable, unless the place before is not durable yet
// when as much was done since. What [Run.Ahead] says is taken off Options.Bytes, but
// not more than half of it.
//
// It may be called as often as the stage likes: at least every MiB.
//
// Faults: checkpoint.overtaken when another worker has taken over,
// checkpoint.unexpected, job.cancelled, checkpoint.too_large, and the cause of ctx
// when that has ended. That a place could not be saved for another reason is no
// fault: the next one is tried, a quarter of Options.Bytes on. So while the log
// does not answer, the attempt goes on, and pauses now and then for as long as the
// log takes to say that it cannot.
func (r *Run) Offer(ctx context.Context, done, total int64) error {
	if r.c.o.Offered != nil {
		r.c.o.Offered(done)
	}
	if ctx.Err() != nil {
		return r.leave(ctx, done, total)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.c.o.saves() {
		return r.c.failed()
	}
	r.stride, r.seen = max(r.stride, done-r.seen), max(r.seen, done)
	for {
		if err := r.refused(); err != nil {
			return err
		}
		due, must := r.due(done)
		switch {
		case !due, r.flight != nil && !must:
			return nil
		case r.flight == nil:
			_, err := r.take(ctx, done, total)
			return err
		}
		if err := r.await(ctx); err != nil {
			return err
		}
	}
}

// due reports whether a place with that much done is worth to be saved, and
// whether no more may be done before it is. The next offer is expected to come as
// late as the latest so far.
func (r *Run) due(done int64) (due, must bool) {
	o, n := &r.c.o, done-r.done
	room := max(o.Bytes-r.ahead, o.Bytes/2)
	switch {
	case n <= 0:
		return false, false
	case n+r.stride > room/2:
		return true, true
	case r.retry && n >= room/4:
		return true, false
	}
	return o.Now().Sub(r.last) >= o.Every, false
}

// Ahead says that the stage reads up to n bytes beyond what it offers as done,
// because it works on several pieces at once. A crash costs these too, so places
// are saved that much sooner. It counts from the next Offer on. Zero, as without a
// call, means that nothing worth speaking of is read ahead.
func (r *Run) Ahead(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ahead = max(n, 0)
}

// Save is an Offer that is always taken, and returns when the place is durable.
// Without a log it does nothing. Faults: those of Offer, those of the log, and
// those of the outputs.
func (r *Run) Save(ctx context.Context, done, total int64) error {
	if ctx.Err() != nil {
		return r.leave(ctx, done, total)
	}
	return r.save(ctx, done, total)
}

func (r *Run) save(ctx context.Context, done, total int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.c.o.saves() {
		return r.c.failed()
	}
	r.seen = max(r.seen, done)
	for r.flight != nil {
		if err := r.await(ctx); err != nil {
			return err
		}
	}
	if err := r.refused(); err != nil {
		return err
	}
	f, err := r.take(ctx, done, total)
	if err != nil {
		return err
	}
	for r.flight == f {
		if err := r.await(ctx); err != nil {
			return err
		}
	}
	return f.err
}

// leave is an Offer after ctx has ended. When the worker drains, the place is
// saved if that is quick.
func (r *Run) leave(ctx context.Context, done, total int64) error {
	err := ended(ctx)
	if fault.Has(err, fault.StageDraining) {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
		if fail := r.save(last, done, total); fail != nil {
			r.c.o.Slog.Debug("last place not saved", r.c.labels("error", fail)...)
		}
	}
	return err
}

// refused is what ends the attempt, or nil.
func (r *Run) refused() error {
	if err := r.c.failed(); err != nil {
		return err
	}
	return r.broken
}

// await waits until what is being saved is durable or has failed. It lets others
// in meanwhile.
func (r *Run) await(ctx context.Context) error {
	f := r.flight
	r.mu.Unlock()
	defer r.mu.Lock()
	select {
	case <-f.landed:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}
