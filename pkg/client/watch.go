package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// silence is how long a stream may be quiet before it is taken for dead; a gateway
// sends a heartbeat every 15 seconds.
const silence = 45 * time.Second

// Event is something that happened to a job, or the progress of one of its steps.
type Event struct {
	// ID is the record's place in the log; watching can resume after it. It is 0
	// for progress.
	ID uint64
	// Type is the record's type, "progress" or "end".
	Type string
	// Exactly one of these is set.
	Record   *events.Record
	Progress *events.Progress
	End      *api.End
}

// Watch returns what happens to a job, beginning with its first record, or after
// the record with ID after when that is not 0. Every record comes one time and in
// order, also across a broken connection and a restart of the server; progress is
// shown as it comes and may be missing. It ends after the event of type "end", which
// follows the job's final record, or after the first error: one of [Client.Wait].
func (c *Client) Watch(ctx context.Context, id string, after uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		w := &watch{c: c, id: id, last: after, yield: yield}
		w.outage.patience = c.cfg.Patience
		for {
			err := w.stream(ctx)
			if w.stopped {
				return
			}
			if err == nil {
				err = fault.New(fault.ClientInterrupted, "the stream ended early", nil)
			}
			if !w.outage.bear(ctx, err) {
				yield(Event{}, err)
				return
			}
		}
	}
}

// watch follows one job over as many connections as it takes.
type watch struct {
	c       *Client
	id      string
	last    uint64 // the last record that was handed on
	yield   func(Event, error) bool
	stopped bool // the end was seen, or the caller has had enough
	outage  outage
}

// stream reads one connection to its end.
func (w *watch) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(silence, func() {
		cancel(fault.New(fault.ClientInterrupted, "the stream went silent", nil))
	})
	defer quiet.Stop()
	h := http.Header{"Accept": {api.ContentTypeStream}}
	if w.last > 0 {
		h.Set("Last-Event-ID", strconv.FormatUint(w.last, 10))
	}
	r, err := w.c.attempt(ctx, call{
		method: http.MethodGet, path: jobPath(w.id) + "/events", header: h,
	})
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	s := newStream(r.Body, func() { quiet.Reset(silence) })
	for {
		m, err := s.next()
		if err != nil {
			if ctx.Err() != nil {
				return ended(ctx, "watch "+w.id)
			}
			return err
		}
		if err := w.hand(m); err != nil || w.stopped {
			return err
		}
	}
}

// hand decodes one event and hands it on.
func (w *watch) hand(m message) error {
	e := Event{Type: m.event}
	var err error
	switch m.event {
	case api.EventProgress:
		e.Progress = new(events.Progress)
		err = json.Unmarshal(m.data, e.Progress)
	case api.EventEnd:
		e.End = new(api.End)
		err = json.Unmarshal(m.data, e.End)
	default:
		if m.id == "" {
			return nil // a kind that is newer than this program
		}
		if e.ID, err = strconv.ParseUint(m.id, 10, 64); err == nil {
			e.Record = new(events.Record)
			err = json.Unmarshal(m.data, e.Record)
		}
	}
	if err != nil {
		return fault.New(fault.ClientBadAnswer, "decode an event", err)
	}
	if e.Record != nil {
		if e.ID <= w.last {
			return nil
		}
		w.last = e.ID
	}
	w.outage.end()
	w.stopped = !w.yield(e, nil) || e.End != nil
	return nil
}
