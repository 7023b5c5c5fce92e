package operator

import (
	"context"
	"encoding/json"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// Pauses between two looks at an item in flight.
const (
	firstLook = 20 * time.Millisecond
	longLook  = time.Second
	// taking is how long a conductor may take before it is looked whether the
	// command is still there.
	taking = time.Second
)

// flight is an item on its way. It ends when its job has taken the command and has
// come to rest, or when that takes too long.
type flight struct {
	n   int
	job string // whose records are followed; empty for none
	// next is the first sequence that was not looked at.
	next uint64
	sent time.Time
	// asked is when a rerun was asked for last.
	asked time.Time
	// doubt is true when it is not known whether the command was published.
	doubt bool
	// done is true when another runner has seen that the command took effect, and did
	// not see where that led.
	done    bool
	applied bool
	since   time.Time // when it was seen to be applied
	// as is the id of a message that was published again from a dead letter.
	as string
	// at is where the job stood after the last record since the command.
	at      events.JobState
	fault   string // that of the job then
	sampled bool

	look  time.Time
	pause time.Duration
}

// look goes through what is on its way.
func (r *runner) look(ctx context.Context) error {
	now := time.Now()
	for _, f := range r.flights {
		if now.Before(f.look) {
			continue
		}
		if err := r.lookAt(ctx, f); err != nil {
			return err
		}
		f.pause = min(max(2*f.pause, firstLook), longLook)
		f.look = now.Add(f.pause)
	}
	return nil
}

func (r *runner) lookAt(ctx context.Context, f *flight) error {
	switch {
	case f.applied, f.done:
	case r.head.Request.Verb == api.OperationRedrive:
		return r.redriveAgain(ctx, f)
	case r.head.Request.Verb == api.OperationRerun:
		return r.lookAtRerun(ctx, f)
	}
	// Whether the command is still there is asked first: when it is gone, what
	// it did is in the records.
	place := elsewhere
	if !f.applied && !f.done && (f.doubt || time.Since(f.sent) > taking) {
		var err error
		if place, err = r.queued(ctx, f); err != nil {
			return err
		}
	}
	if err := r.walk(ctx, f); err != nil {
		return err
	}
	switch {
	case f.applied:
		r.rest(f)
	case f.done:
		if time.Since(f.sent) > r.Patience {
			delete(r.flights, f.n) // its records have gone
		}
	case place == nowhere && f.doubt:
		r.postpone(f) // it was never published
	case place == nowhere:
		r.refuse(f.n, fault.New(fault.JobNotAllowed, "the job had moved on when the command came", nil))
		delete(r.flights, f.n)
	case time.Since(f.sent) > r.Patience:
		r.fail(f.n, fault.New(fault.OperationTimedOut, "", nil))
		r.sample(f, true)
		delete(r.flights, f.n)
	case place == waiting:
		f.doubt = false
	}
	return nil
}

// postpone lets an item have its turn again.
func (r *runner) postpone(f *flight) {
	r.ledger.set(f.n, func(res *result) { *res = result{} })
	r.next = min(r.next, f.n)
	delete(r.flights, f.n)
}

// place is where a command is.
type place int

const (
	// elsewhere is not known: nobody has looked, or the command of somebody else
	// is behind which it may be hidden.
	elsewhere place = iota
	// waiting is where a conductor will find it.
	waiting
	// nowhere means that it was taken, or was never published.
	nowhere
)

// queued says whether the command of an item waits for a conductor.
func (r *runner) queued(ctx context.Context, f *flight) (place, error) {
	m, err := r.Bus.Last(ctx, events.StreamControl, events.ControlSubject(r.head.Tenant, f.job))
	switch {
	case fault.Has(err, fault.BusNotFound):
		return nowhere, nil
	case err != nil:
		return elsewhere, err
	case m.ID == r.commandID(f.n):
		return waiting, nil
	}
	return elsewhere, nil
}

// walk follows the records of an item's job.
func (r *runner) walk(ctx context.Context, f *flight) error {
	if f.job == "" {
		return nil
	}
	filter := events.HistoryFilter(r.head.Tenant, f.job)
	for {
		m, err := r.Bus.Next(ctx, events.StreamEvents, filter, f.next)
		if fault.Has(err, fault.BusNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		f.next = m.Sequence + 1
		var rec events.Record
		if err := json.Unmarshal(m.Data, &rec); err != nil {
			r.log.Warn("a record cannot be read", "sequence", m.Sequence, "error", err)
			continue
		}
		r.see(f, &rec)
	}
}

// see takes a record of an item's job in.
func (r *runner) see(f *flight, rec *events.Record) {
	c := rec.Input.Control
	if !f.applied && (c != nil && c.By == r.by() || r.head.Request.Verb == api.OperationRerun) {
		r.apply(f)
	}
	if !f.applied {
		return
	}
	f.at, f.fault = rec.Job.State, trouble(rec.Job)
	if why, bad := outage(rec.Input); bad {
		if why.Dependency != "" {
			r.deps[why.Dependency] = true
		}
		r.ledger.set(f.n, func(res *result) { res.Again = why.Code })
		r.sample(f, true)
	}
}

// apply notes that the command has taken effect.
func (r *runner) apply(f *flight) {
	f.applied, f.doubt, f.since, f.pause = true, false, time.Now(), 0
	r.ledger.set(f.n, func(res *result) { res.State = api.ItemDone })
}

// rest ends a flight whose job has come to rest, or has had its time.
func (r *runner) rest(f *flight) {
	if code, back := r.letters.back(f.as); back {
		r.ledger.set(f.n, func(res *result) { res.Again = code })
		r.sample(f, true)
		delete(r.flights, f.n)
		return
	}
	resting := atRest(f.at) || f.at != "" && r.head.Request.Verb == api.OperationPause
	if !resting && time.Since(f.since) < r.Settle {
		return
	}
	r.ledger.set(f.n, func(res *result) {
		res.JobState = f.at
		if res.Again == "" && troubled(f.at) {
			res.Again = f.fault
		}
	})
	r.sample(f, false)
	delete(r.flights, f.n)
}

// atRest reports whether a job moves no further by itself.
func atRest(s events.JobState) bool {
	return s == events.JobAttention || s == events.JobPaused || flow.Final(s)
}

func troubled(s events.JobState) bool { return s == events.JobAttention || s == events.JobFailed }

// sample notes once how an item ended.
func (r *runner) sample(f *flight, failed bool) {
	if f.sampled {
		return
	}
	f.sampled = true
	r.window.add(failed)
	if failed {
		r.pace.failure()
	}
}

// refuse and fail note why an item did not take the command.
func (r *runner) refuse(n int, why error) { r.conclude(n, api.ItemRefused, why) }

func (r *runner) fail(n int, why error) { r.conclude(n, api.ItemFailed, why) }

func (r *runner) conclude(n int, s api.ItemState, why error) {
	f := fault.From(why)
	r.ledger.set(n, func(res *result) {
		res.State, res.Code, res.Detail = s, string(f.Code), fault.Clip(f.Message(), 200)
	})
}

// transient reports whether an error is about the broker and not about the item.
func transient(err error) bool {
	if err == nil {
		return false
	}
	switch fault.From(err).Code {
	case fault.BusTimeout, fault.BusUnreachable, fault.BusClosed, fault.BusStoreFull, fault.BusDenied:
		return true
	}
	return false
}

// commandID is the id of the message that asks an item.
func (r *runner) commandID(n int) string {
	return events.OperationCommandID(r.head.Tenant, r.head.ID, r.ledger.ids[n])
}

// command makes the message that asks an item.
func (r *runner) command(n int, cmd events.Command) (bus.Out, error) {
	data, err := json.Marshal(cmd)
	if err != nil {
		return bus.Out{}, fault.New(fault.InternalBug, "encode a command", err)
	}
	return bus.Out{
		Subject: events.ControlSubject(r.head.Tenant, r.ledger.ids[n]), ID: r.commandID(n), Data: data,
		Header: map[string]string{events.HeaderContentType: events.ContentTypeJSON},
	}, nil
}
