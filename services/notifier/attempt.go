package notifier

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/tracing"
	"github.com/millrace/millrace/pkg/webhook"
)

// result is what came of an attempt.
type result struct {
	job string
	// sequence is the record that was sent. Zero: there was none up to last, or err
	// says why it could not be read.
	sequence uint64
	last     uint64
	first    time.Time
	err      error
	over     bool // the event is given up
	wait     time.Duration
}

// capacity is how many requests may be under way now.
func (l *lane) capacity(now time.Time) int {
	if now.Before(l.rests) {
		return 0
	}
	room := l.Breakers.Room("http:" + l.endpoint.Host())
	switch {
	case room.State == breaker.Open, room.State == breaker.HalfOpen && room.Calls == 0:
		l.rests = now.Add(max(room.Wait, 100*time.Millisecond))
		return 0
	case room.State == breaker.HalfOpen, l.failures >= l.Policy.Sick:
		return 1
	}
	return l.slots
}

// hasRoom reports whether another job may be begun.
func (l *lane) hasRoom(now time.Time) bool {
	return len(l.table.jobs) < l.Behind && l.busy < l.capacity(now)
}

// sleeps is how long nothing happens by itself.
func (l *lane) sleeps(now time.Time) time.Duration {
	wake := l.table.next()
	full := l.busy >= l.capacity(now)
	switch {
	case now.Before(l.rests):
		wake = l.rests
	case full:
		wake = time.Time{} // a result comes first
	}
	if save := l.saved.Add(l.SaveEvery); l.dirty && (wake.IsZero() || save.Before(wake)) {
		wake = save
	}
	if wake.IsZero() {
		return time.Minute
	}
	return max(wake.Sub(now), 0)
}

// begin sends what is due, as much as may be.
func (l *lane) begin(ctx context.Context, now time.Time) {
	free := l.capacity(now) - l.busy
	if free <= 0 {
		return
	}
	for _, e := range l.table.due(now, free) {
		e.busy = true
		l.busy++
		one := e.Behind
		go func() {
			r := result{job: one.Job, last: one.Last, first: one.First}
			r.err = l.attempt(ctx, one.Attempts+1, one.After, &r)
			l.results <- r
		}()
	}
}

// attempt sends the next event of a job, and logs what came of it.
func (l *lane) attempt(ctx context.Context, number int, after uint64, r *result) error {
	rec, sequence, err := l.find(ctx, r.job, after, r.last)
	if err != nil || rec == nil {
		return err
	}
	n := webhook.Notify(rec)
	id, body, err := message(n, l.endpoint.ID)
	if err != nil {
		return err
	}
	r.sequence = sequence
	began := time.Now()
	if r.first.IsZero() {
		r.first = began
	}
	ctx = tracing.With(ctx, tracing.Job(rec.Job.Tenant, rec.Job.ID, rec.Job.Traceparent))
	a := l.post(ctx, l.endpoint, id, body)
	if a.err != nil && notSent(a.err) {
		return a.err
	}
	d := delivery(l.endpoint.ID, id, &n, a)
	d.Sequence, d.Attempt, d.Time = sequence, number, began.UTC()
	if l.replay != nil {
		d.Replay = l.replay.ID
	}
	if a.err != nil {
		r.wait = l.Policy.Wait(number, fault.From(a.err).RetryAfter, rand.Uint64())
		if r.over = l.Policy.Over(r.first, time.Now()); r.over {
			d.Outcome = api.DeliveryGivenUp
		} else {
			d.NextAt = time.Now().Add(r.wait).UTC()
		}
	}
	l.Meter.Sent(d.Outcome, a.took)
	if err := l.book.Log(ctx, l.endpoint.Tenant, d); err != nil {
		l.log.Warn("a delivery cannot be logged", "message", id, "error", err)
	}
	return a.err
}

// delivery is an attempt for the log.
func delivery(endpoint, id string, n *events.Notification, a answer) api.Delivery {
	d := api.Delivery{
		Webhook: endpoint, Message: id, Event: n.ID, Type: n.Data.Event, Job: n.Data.Job,
		Outcome: api.Delivered, Status: a.status, Body: a.body, MS: a.took.Milliseconds(),
	}
	if a.err != nil {
		f := fault.From(a.err)
		d.Outcome, d.Code, d.Detail = api.DeliveryFailed, string(f.Code), f.Message()
	}
	return d
}

// find returns the first record of a job after one place, and up to another, that
// concerns the endpoint, and nil when there is none.
func (l *lane) find(ctx context.Context, job string, after, last uint64) (*events.Record, uint64, error) {
	filter := events.HistoryFilter(l.endpoint.Tenant, job)
	for after < last {
		m, err := l.history.Next(ctx, events.StreamEvents, filter, after+1)
		if fault.Has(err, fault.BusNotFound) {
			return nil, 0, nil
		}
		if err != nil || m.Sequence > last {
			return nil, 0, err
		}
		if after = m.Sequence; !l.filter.WantsRecord(m.Header) {
			continue
		}
		if rec := l.decode(m); rec != nil {
			return rec, m.Sequence, nil
		}
	}
	return nil, 0, nil
}

// decode reads a record. One that cannot be read is passed over: it would be in the way
// for ever.
func (l *lane) decode(m *bus.Message) *events.Record {
	var rec events.Record
	if err := json.Unmarshal(m.Data, &rec); err != nil {
		l.log.Error("a record cannot be read and is not sent", "sequence", m.Sequence, "error", err)
		return nil
	}
	return &rec
}
