package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
)

// Limits of following all jobs.
const (
	// maxCatchUps is how many followers read the log at once; each costs a consumer
	// for that time.
	maxCatchUps     = 32
	catchUpPatience = 10 * time.Second
	// catchUpPage is how many events a follower that reads the log holds.
	catchUpPage = 256
	// breath is how long events are collected for one write while many come.
	breath = 20 * time.Millisecond
	// mouthful is how many bytes of events are written at once.
	mouthful = 256 << 10
)

// placed is an event at its place in the log.
type placed struct {
	place uint64
	kind  string
	body  []byte // JSON of an [events.Notification]
}

// place makes the event of a record.
func place(m *bus.Message) (e placed, err error) {
	rec, err := decodeRecord(m)
	if err != nil {
		return e, err
	}
	body, err := webhook.Body(webhook.Notify(rec))
	return placed{place: m.Sequence, kind: rec.Type, body: body}, err
}

// getTenantEvents answers with what happened to all jobs of a tenant: a page of it as
// JSON, or as server-sent events that follow.
func (g *Gateway) getTenantEvents(x *exchange) error {
	x.w.Header().Set("Vary", "Accept")
	q, err := parseEventQuery(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	if strings.Contains(x.r.Header.Get("Accept"), api.ContentTypeStream) && x.r.Method == http.MethodGet {
		return g.followEvents(x, q)
	}
	p, err := g.readEvents(x.r.Context(), x.tenant, q)
	if err != nil {
		return err
	}
	out := api.EventPage{Events: make([]api.PlacedEvent, 0, len(p.events)), After: p.after, More: p.more}
	for _, e := range p.events {
		out.Events = append(out.Events, api.PlacedEvent{Place: e.place, Type: e.kind, Event: e.body})
	}
	return x.json(http.StatusOK, out)
}

// eventPage is a piece of the log.
type eventPage struct {
	events []placed
	after  uint64 // the place after which to go on
	more   bool   // there was more
}

// readEvents reads up to q.limit events after a place. Faults: http.too_busy, those of
// the bus.
func (g *Gateway) readEvents(ctx context.Context, tenant string, q eventQuery) (p eventPage, err error) {
	release, err := g.catchUps.take(ctx, catchUpPatience)
	if err != nil {
		return p, err
	}
	defer release()
	end, err := lastPlace(ctx, g.Bus)
	if err != nil {
		return p, err
	}
	p.after = max(end, q.after)
	if end <= q.after {
		return p, nil
	}
	err = g.Bus.Scan(ctx, bus.Scan{
		Stream: events.StreamEvents, Filters: q.subjects(tenant), From: q.after + 1,
	}, func(m *bus.Message) error {
		if a, ok := aboutRecord(m); !ok || !q.wants(a) {
			return nil
		}
		if len(p.events) == q.limit {
			p.more = true
			return errEnough
		}
		e, err := place(m)
		if err == nil { // else it is rubbish that somebody published by hand
			p.events = append(p.events, e)
		}
		return nil
	})
	if n := len(p.events); p.more {
		p.after = p.events[n-1].place
	} else if n > 0 {
		p.after = max(p.after, p.events[n-1].place)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return p, err
}

// followEvents streams what happens after Last-Event-ID, or ?after=, or from now on.
func (g *Gateway) followEvents(x *exchange, q eventQuery) error {
	if id, err := lastEventID(x.r.Header); err != nil {
		return err
	} else if x.r.Header.Get("Last-Event-ID") != "" {
		q.after, q.from = id, true
	}
	release, err := g.followers.take(x.r.Context(), followerPatience)
	if err != nil {
		return err
	}
	defer release()
	if q.after, err = g.startOf(x.r.Context(), q); err != nil {
		return err
	}
	f := &firehose{g: g, eventStream: eventStream{x: x}, q: q}
	// The place is told first, so that who is cut off before the first event can go on.
	f.add(strconv.FormatUint(q.after, 10), api.EventPlace, []byte("{}"))
	if err := f.begin(); err != nil {
		return err
	}
	err = f.run(x.r.Context())
	if errors.Is(err, errEnough) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// startOf is the place after which a stream begins. One that the log does not reach,
// because it is another log, is taken for its end.
func (g *Gateway) startOf(ctx context.Context, q eventQuery) (uint64, error) {
	if !q.from {
		return lastPlace(ctx, g.Bus)
	}
	_, err := g.Bus.Next(ctx, events.StreamEvents, events.AllEvents, q.after)
	if q.after > 0 && fault.Has(err, fault.BusNotFound) {
		return lastPlace(ctx, g.Bus)
	}
	if fault.Has(err, fault.BusNotFound) {
		err = nil
	}
	return q.after, err
}

// firehose writes the events of a tenant: from the log what is there, and then from
// the tail.
type firehose struct {
	eventStream
	g *Gateway
	q eventQuery // q.after is the place up to which everything was written
	// wrote is when live events were last written.
	wrote time.Time
}

// run writes until the client goes, the gateway closes, or the reader is too slow.
func (f *firehose) run(ctx context.Context) error {
	if err := f.catchUp(ctx); err != nil {
		return err
	}
	r, err := f.g.tail.join(ctx, f.x.tenant, f.q.eventFilter)
	if err != nil {
		return err
	}
	defer f.g.tail.leave(r)
	if r.from > f.q.after { // what came in between
		if err := f.catchUp(ctx); err != nil {
			return err
		}
	}
	return f.live(ctx, r.events)
}

// catchUp writes what the log holds.
func (f *firehose) catchUp(ctx context.Context) error {
	for {
		f.q.limit = catchUpPage
		p, err := f.g.readEvents(ctx, f.x.tenant, f.q)
		if err != nil {
			return err
		}
		for _, e := range p.events {
			if err := f.put(e); err != nil {
				return err
			}
		}
		f.q.after = p.after
		if err := f.flush(); err != nil || !p.more {
			return err
		}
	}
}

// put adds an event to what is written next.
func (f *firehose) put(e placed) error {
	if e.place <= f.q.after {
		return nil
	}
	f.q.after = e.place
	f.add(strconv.FormatUint(e.place, 10), e.kind, e.body)
	if f.buf.Len() < mouthful {
		return nil
	}
	return f.flush()
}

// live writes what the tail hands on. While many events come, they are written
// together.
func (f *firehose) live(ctx context.Context, in <-chan placed) error {
	tick := time.NewTicker(f.g.Limits.Heartbeat / checksPerBeat)
	defer tick.Stop()
	for {
		var err error
		select {
		case e, ok := <-in:
			if !ok {
				return errEnough // it was too slow; it comes again
			}
			err = f.together(ctx, e, in)
		case <-tick.C:
			err = f.heartbeat()
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

// together writes an event with those that have come behind it. One that comes soon
// after the last were written waits for a breath, so that a flood is not written drop
// by drop.
func (f *firehose) together(ctx context.Context, e placed, in <-chan placed) error {
	if err := f.rest(ctx, breath-time.Since(f.wrote)); err != nil {
		return err
	}
	if err := f.put(e); err != nil {
		return err
	}
	for range len(in) {
		next, ok := <-in
		if !ok {
			break
		}
		if err := f.put(next); err != nil {
			return err
		}
	}
	f.wrote = time.Now()
	return f.flush()
}

// rest waits, unless the stream ends.
func (f *firehose) rest(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-f.g.closing:
		return errEnough
	case <-ctx.Done():
		return ctx.Err()
	}
}
