package client

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

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
		w := &watch{last: after, yield: yield}
		w.outage.patience = c.cfg.Patience
		ask := func() call { return streamCall(jobPath(id)+"/events", w.last, w.last > 0) }
		if err := c.follow(ctx, "watch "+id, &w.outage, ask, w.hand); err != nil {
			yield(Event{}, err)
		}
	}
}

// watch is how far a job has been followed.
type watch struct {
	last   uint64 // the last record that was handed on
	yield  func(Event, error) bool
	outage outage
}

// hand decodes one event and hands it on. It is enough after the end, or when the
// caller says so.
func (w *watch) hand(m message) (enough bool, err error) {
	e := Event{Type: m.event}
	switch m.event {
	case api.EventProgress:
		e.Progress = new(events.Progress)
		err = json.Unmarshal(m.data, e.Progress)
	case api.EventEnd:
		e.End = new(api.End)
		err = json.Unmarshal(m.data, e.End)
	default:
		if m.id == "" {
			return false, nil // a kind that is newer than this program
		}
		if e.ID, err = strconv.ParseUint(m.id, 10, 64); err == nil {
			e.Record = new(events.Record)
			err = json.Unmarshal(m.data, e.Record)
		}
	}
	if err != nil {
		return false, fault.New(fault.ClientBadAnswer, "decode an event", err)
	}
	if e.Record != nil {
		if e.ID <= w.last {
			return false, nil
		}
		w.last = e.ID
	}
	w.outage.end()
	return !w.yield(e, nil) || e.End != nil, nil
}
