package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/millrace/millrace/pkg/api"
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
		w := &firehose{q: q, yield: yield}
		w.outage.patience = c.cfg.Patience
		if err := c.follow(ctx, "follow events", &w.outage, w.call, w.hand); err != nil {
			yield(TenantEvent{}, err)
		}
	}
}

// firehose is how far a tenant has been followed.
type firehose struct {
	q      EventQuery
	yield  func(TenantEvent, error) bool
	begun  bool
	outage outage
}

// hand hands on what was not handed on before. It is enough when the caller says so.
func (w *firehose) hand(m message) (enough bool, err error) {
	e := TenantEvent{Type: m.event, Body: m.data}
	if e.Place, err = strconv.ParseUint(m.id, 10, 64); err != nil {
		return false, nil // a kind that is newer than this program
	}
	w.outage.end()
	switch {
	case e.Type == api.EventPlace && w.begun:
		// The log of a server that lost its data begins anew.
		w.q.After = min(w.q.After, e.Place)
		return false, nil
	case e.Type == api.EventPlace:
		e.Type, e.Body = "", nil
	case w.begun && e.Place <= w.q.After:
		return false, nil
	}
	w.begun, w.q.After = true, e.Place
	return !w.yield(e, nil), nil
}

func (w *firehose) call() call {
	k := streamCall("/v1/events", w.q.After, w.begun || w.q.After > 0)
	k.query = w.q.values()
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
