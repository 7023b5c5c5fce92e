package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
)

// getNotifications follows what a webhook with the filter of the query would tell: from
// Last-Event-ID on, or from now.
func (g *Gateway) getNotifications(x *exchange) error {
	if !strings.Contains(x.r.Header.Get("Accept"), api.ContentTypeStream) {
		return badRequest("send Accept: text/event-stream")
	}
	filter, err := notificationFilter(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	after, err := lastEventID(x.r.Header)
	if err != nil {
		return err
	}
	release, err := g.followers.take(x.r.Context(), followerPatience)
	if err != nil {
		return err
	}
	defer release()
	if x.r.Header.Get("Last-Event-ID") == "" {
		m, err := g.Bus.Last(x.r.Context(), events.StreamEvents, events.AllEvents)
		if err == nil {
			after = m.Sequence
		} else if !fault.Has(err, fault.BusNotFound) {
			return err
		}
	}
	s := &eventStream{x: x}
	// The place is told first, so that who is cut off before the first event can go on.
	s.add(strconv.FormatUint(after, 10), api.EventPlace, []byte("{}"))
	if err := s.begin(); err != nil {
		return err
	}
	err = g.notify(x, s, filter, after)
	if errors.Is(err, errEnough) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// notificationFilter reads types and pipelines, each separated by commas.
func notificationFilter(query string) (f webhook.Filter, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return f, badRequest("the query is malformed")
	}
	for name := range values {
		list := strings.Split(values.Get(name), ",")
		switch name {
		case "types":
			f.Types = list
		case "pipelines":
			f.Pipelines = list
		default:
			return f, badRequest("there is no filter " + strconv.Quote(name) + "; there are types and pipelines")
		}
	}
	if list := f.Check(); list != nil {
		return f, withErrors(fault.WebhookInvalid, list[0].Detail, list)
	}
	return f, nil
}

// notify writes notifications until the client goes, or the gateway closes.
func (g *Gateway) notify(x *exchange, s *eventStream, filter webhook.Filter, after uint64) error {
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	records, ended := make(chan *bus.Message), make(chan error, 1)
	go func() {
		ended <- g.Bus.Scan(ctx, bus.Scan{
			Stream: events.StreamEvents, Filters: filter.Subjects(x.tenant), From: after + 1, Follow: true,
		}, func(m *bus.Message) error {
			if !filter.Wants(events.RecordType(m.Header[events.HeaderCEType])) {
				return nil
			}
			select {
			case records <- m:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	defer func() { cancel(); <-ended }()
	tick := time.NewTicker(g.Limits.Heartbeat / checksPerBeat)
	defer tick.Stop()
	for {
		select {
		case m := <-records:
			if err := s.notification(m); err != nil {
				return err
			}
		case <-tick.C:
			if err := s.heartbeat(); err != nil {
				return err
			}
		case err := <-ended:
			ended <- err
			return err
		case <-g.closing:
			return errEnough
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// notification writes what a webhook would tell of a record.
func (s *eventStream) notification(m *bus.Message) error {
	var rec events.Record
	if err := json.Unmarshal(m.Data, &rec); err != nil {
		return fault.New(fault.InternalBug, "decode a record", err)
	}
	body, err := webhook.Body(webhook.Notify(&rec))
	if err != nil {
		return err
	}
	s.add(strconv.FormatUint(m.Sequence, 10), rec.Type, body)
	return s.flush()
}
