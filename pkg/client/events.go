package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// EventQuery says which events of a tenant are wanted.
type EventQuery struct {
	// Types are types of events, each whole or as a group: "job.completed", "step.*".
	// None means all.
	Types []string
	// Pipelines are names of pipelines. None means all.
	Pipelines []string
	// Jobs are ids of jobs, at most 50. None means all.
	Jobs []string
	// After is the place after which to begin. Zero means now for [Client.Events],
	// and the beginning for [Client.EventPage].
	After uint64
	// Limit is the size of a page: 1 to 1000, zero means 100.
	Limit int
}

// TenantEvent is something that happened to a job of the tenant, as a webhook would
// tell it.
type TenantEvent struct {
	// Place is where it stands in the log; following can resume after it.
	Place uint64
	// Type is what happened. Empty only says where the stream begins.
	Type string
	// Body is the JSON of an [events.Notification], as a webhook would send it.
	Body []byte
}

// EventPage reads a page of what happened to the tenant's jobs after a place. The next
// page begins after its After. Faults: webhook.invalid for a type that there is not,
// http.bad_request, those of http and client.
func (c *Client) EventPage(ctx context.Context, q EventQuery) (*api.EventPage, error) {
	v := q.values()
	if q.After > 0 {
		v.Set("after", strconv.FormatUint(q.After, 10))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	var p api.EventPage
	if err := c.get(ctx, "/v1/events", v, &p); err != nil {
		return nil, err
	}
	return &p, nil
}

// Events follows what happens to the tenant's jobs: first comes the place where it
// begins, then every event one time and in order, also across a broken connection and a
// restart of the server. It ends after the first error.
func (c *Client) Events(ctx context.Context, q EventQuery) iter.Seq2[TenantEvent, error] {
	return func(yield func(TenantEvent, error) bool) {
		w := &firehose{c: c, q: q, yield: yield}
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
				yield(TenantEvent{}, err)
				return
			}
		}
	}
}

// firehose follows over as many connections as it takes.
type firehose struct {
	c       *Client
	q       EventQuery
	yield   func(TenantEvent, error) bool
	begun   bool
	stopped bool
	outage  outage
}

// stream reads one connection to its end.
func (w *firehose) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(silence, func() {
		cancel(fault.New(fault.ClientInterrupted, "the stream went silent", nil))
	})
	defer quiet.Stop()
	r, err := w.c.attempt(ctx, w.call())
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	s := newStream(r.Body, func() { quiet.Reset(silence) })
	for !w.stopped {
		m, err := s.next()
		if err != nil {
			if ctx.Err() != nil {
				return ended(ctx, "follow events")
			}
			return err
		}
		place, err := strconv.ParseUint(m.id, 10, 64)
		if err != nil {
			continue // a kind that is newer than this program
		}
		w.outage.end()
		w.hand(TenantEvent{Place: place, Type: m.event, Body: m.data})
	}
	return nil
}

// hand hands one on that was not handed on before.
func (w *firehose) hand(e TenantEvent) {
	switch {
	case e.Type == api.EventPlace && w.begun:
		// The log of a server that lost its data begins anew.
		w.q.After = min(w.q.After, e.Place)
		return
	case e.Type == api.EventPlace:
		e.Type, e.Body = "", nil
	case w.begun && e.Place <= w.q.After:
		return
	}
	w.begun, w.q.After = true, e.Place
	w.stopped = !w.yield(e, nil)
}

func (w *firehose) call() call {
	k := call{
		method: http.MethodGet, path: "/v1/events", query: w.q.values(),
		header: http.Header{"Accept": {api.ContentTypeStream}},
	}
	if w.begun || w.q.After > 0 {
		k.header.Set("Last-Event-ID", strconv.FormatUint(w.q.After, 10))
	}
	return k
}

// values are the filters as they are written in a URL.
func (q EventQuery) values() url.Values {
	v := url.Values{}
	for name, list := range map[string][]string{"types": q.Types, "pipeline": q.Pipelines, "job": q.Jobs} {
		if len(list) > 0 {
			v.Set(name, strings.Join(list, ","))
		}
	}
	return v
}
