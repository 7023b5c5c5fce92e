package flow

import (
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// ruled returns a fault as it is to be treated: with the class and the wait of the
// ruling that came with it, if there is one. The record keeps the fault as it was.
// Whether an unknown effect was done is for a person to find out: no rule about
// others can tell, so such a fault keeps its class.
func (c *change) ruled(f *events.Fault) *events.Fault {
	g := c.ruling
	if g == nil {
		return f
	}
	r := *f
	_, known := policies[fault.Class(g.Class)]
	if known && fault.Class(f.Class) != fault.UnknownEffect {
		r.Class = g.Class
	}
	if g.RetryAfterMS > 0 {
		r.RetryAfterMS = g.RetryAfterMS
	}
	return &r
}

// retry returns the policy for the failed attempt: the step's, with what the
// ruling says in place of it. A first delay of the ruling holds also when the step
// allows none that long.
func (c *change) retry(s *Step) Retry {
	r := s.Retry.withDefaults()
	g := c.ruling
	if g == nil {
		return r
	}
	if g.MaxAttempts > 0 {
		r.MaxAttempts = g.MaxAttempts
	}
	if g.Factor > 0 {
		r.Factor = g.Factor
	}
	if g.InitialMS > 0 {
		r.Initial = span(g.InitialMS)
		r.Max = max(r.Max, r.Initial)
	}
	if g.MaxMS > 0 {
		r.Max = span(g.MaxMS)
	}
	return r
}

// span returns a delay of that many milliseconds, at most [MaxRetryAfter].
func span(ms int64) time.Duration {
	if ms >= MaxRetryAfter.Milliseconds() {
		return MaxRetryAfter
	}
	return time.Duration(ms) * time.Millisecond
}

// given returns the place in time that the ruling gives the next attempt, never in
// the past. ok is false when it gives none.
func (c *change) given() (at time.Time, ok bool) {
	if c.ruling == nil || c.ruling.RetryAt.IsZero() {
		return time.Time{}, false
	}
	at = c.ruling.RetryAt.UTC().Truncate(time.Millisecond)
	if at.Before(c.now) {
		at = c.now
	}
	return at, true
}
