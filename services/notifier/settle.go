package notifier

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// settle takes in what came of an attempt. It returns errStopped when the endpoint was
// disabled for it.
func (l *lane) settle(ctx context.Context, r result) error {
	l.busy--
	l.dirty = true
	e, now := l.table.jobs[r.job], time.Now()
	e.busy = false
	switch {
	case r.sequence == 0 && r.err == nil:
		l.table.settled(e, r.last) // what was there has passed its retention
	case r.sequence == 0:
		l.log.Warn("a record cannot be read", "job", r.job, "error", r.err)
		e.Due = now.Add(secondTry)
	case r.err == nil:
		l.succeeded(now)
		l.table.settled(e, r.sequence)
	case notSent(r.err):
		e.Due = now.Add(fault.From(r.err).RetryAfter)
	default:
		return l.failed(ctx, e, r, now)
	}
	return nil
}

// succeeded notes that the endpoint takes events.
func (l *lane) succeeded(now time.Time) {
	if l.failures >= l.Policy.Sick {
		l.log.Info("a webhook endpoint takes events again", "failures", l.failures, "waiting", len(l.table.jobs))
		l.table.hurry(now)
	}
	l.failures, l.failing, l.rests = 0, time.Time{}, time.Time{}
}

// failed notes that an event was not taken.
func (l *lane) failed(ctx context.Context, e *entry, r result, now time.Time) error {
	e.Attempts++
	e.First, e.Due = r.first, now.Add(r.wait)
	l.failures++
	if l.failing.IsZero() {
		l.failing = now
	}
	if l.failures == l.Policy.Sick {
		l.log.Warn("a webhook endpoint does not take events", "error", r.err)
	}
	if l.failures >= l.Policy.Sick {
		l.rest(now.Add(l.Policy.Wait(l.failures-l.Policy.Sick+1, 0, rand.Uint64())))
	}
	if code := fault.From(r.err); code.Code == fault.WebhookRateLimited || code.Code == fault.WebhookUnavailable {
		l.rest(now.Add(code.RetryAfter)) // the endpoint speaks for itself, not of one event
	}
	if r.over {
		l.log.Warn("an event is given up", "job", r.job, "sequence", r.sequence, "attempts", e.Attempts, "error", r.err)
		l.table.settled(e, r.sequence)
	}
	switch {
	case fault.Has(r.err, fault.WebhookGone):
		return l.disable(ctx, "it answered 410: nothing is wanted there any more")
	case now.Sub(l.failing) >= l.Policy.Disable:
		return l.disable(ctx, "it has taken nothing since "+l.failing.UTC().Format(time.RFC3339))
	}
	return nil
}

// rest sends nothing before a time.
func (l *lane) rest(until time.Time) {
	if until.After(l.rests) {
		l.rests = until
	}
}

// disable switches the endpoint off.
func (l *lane) disable(ctx context.Context, reason string) error {
	l.log.Warn("a webhook endpoint is disabled", "reason", reason)
	// So that it begins anew when it is enabled again.
	l.failures, l.failing, l.rests = 0, time.Time{}, time.Time{}
	if err := l.book.Disable(ctx, l.endpoint.Tenant, l.endpoint.ID, l.endpoint.URL, reason); err != nil {
		return err
	}
	return errStopped
}
