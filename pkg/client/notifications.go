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

// NotificationQuery says what to be told of, as the filter of an endpoint does.
type NotificationQuery struct {
	// Types are types of events, each whole or as a group. None means "job.*".
	Types []string
	// Pipelines are names of pipelines. None means all.
	Pipelines []string
	// After is the place after which to begin. Zero means now.
	After uint64
}

// Notification is what a webhook would tell.
type Notification struct {
	// Place is where it stands in the log; following can resume after it.
	Place uint64
	// Type is what happened. Empty only says where the stream begins.
	Type string
	// Body is the JSON of an [events.Notification], as it would be sent.
	Body []byte
}

// Notifications returns what webhooks tell of the tenant's jobs: first the place where
// it begins, then every event one time and in order, also across a broken connection
// and a restart of the server. It ends after the first error.
func (c *Client) Notifications(ctx context.Context, q NotificationQuery) iter.Seq2[Notification, error] {
	return func(yield func(Notification, error) bool) {
		w := &notifications{c: c, q: q, yield: yield}
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
				yield(Notification{}, err)
				return
			}
		}
	}
}

// notifications follows over as many connections as it takes.
type notifications struct {
	c       *Client
	q       NotificationQuery
	yield   func(Notification, error) bool
	begun   bool
	stopped bool
	outage  outage
}

// stream reads one connection to its end.
func (w *notifications) stream(ctx context.Context) error {
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
				return ended(ctx, "follow notifications")
			}
			return err
		}
		place, err := strconv.ParseUint(m.id, 10, 64)
		if err != nil {
			continue // a kind that is newer than this program
		}
		w.outage.end()
		w.hand(Notification{Place: place, Type: m.event, Body: m.data})
	}
	return nil
}

// hand hands one on that was not handed on before.
func (w *notifications) hand(n Notification) {
	if n.Type == api.EventPlace {
		if w.begun {
			return
		}
		n.Type, n.Body = "", nil
	} else if w.begun && n.Place <= w.q.After {
		return
	}
	w.begun, w.q.After = true, n.Place
	w.stopped = !w.yield(n, nil)
}

func (w *notifications) call() call {
	k := call{
		method: http.MethodGet, path: "/v1/notifications", query: url.Values{},
		header: http.Header{"Accept": {api.ContentTypeStream}},
	}
	for name, list := range map[string][]string{"types": w.q.Types, "pipelines": w.q.Pipelines} {
		if len(list) > 0 {
			k.query.Set(name, strings.Join(list, ","))
		}
	}
	if w.begun || w.q.After > 0 {
		k.header.Set("Last-Event-ID", strconv.FormatUint(w.q.After, 10))
	}
	return k
}
