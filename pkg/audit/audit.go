package audit

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// Bus is what a log needs of the broker. [bus.Conn] provides it.
type Bus interface {
	Publish(ctx context.Context, out ...bus.Out) error
	Last(ctx context.Context, stream, filter string) (*bus.Message, error)
	Backward(ctx context.Context, b bus.Backward, take func(*bus.Message) bool) (rest uint64, err error)
}

// Log is the audit. Its methods are safe for concurrent use. It owns nothing that would
// have to be closed.
type Log struct{ bus Bus }

// New returns the audit of a mill.
func New(b Bus) *Log { return &Log{b} }

// Append keeps an entry; once with each outcome. It may be repeated. Faults: those of the
// bus, after which nobody knows whether it is kept.
func (l *Log) Append(ctx context.Context, e api.AuditEntry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fault.New(fault.InternalBug, "encode an entry of the audit", err)
	}
	return l.bus.Publish(ctx, bus.Out{
		Subject: events.AuditSubject(e.Mill, e.Tenant, e.ID), ID: "audit/" + e.ID + "/" + string(e.Outcome),
		Header: map[string]string{events.HeaderContentType: events.ContentTypeJSON}, Data: data,
	})
}

// List returns a page of entries, newest first: those of a tenant, or with an empty
// tenant all of them and those of the mill. A page can hold fewer than its limit and
// still have a next one. Faults: http.bad_request for a cursor that is none, those of the
// bus.
func (l *Log) List(ctx context.Context, tenant string, q api.AuditQuery) (api.AuditPage, error) {
	page := api.AuditPage{Entries: []api.AuditEntry{}}
	before, err := api.ParseCursor(q.Cursor)
	if err != nil {
		return page, err
	}
	if q.Limit <= 0 {
		q.Limit = api.DefaultLimit
	}
	filter := events.AllAudit
	if tenant != "" {
		filter = events.AuditSubject(false, tenant, "*")
	}
	r := &reader{bus: l.bus, query: q, page: &page, ended: make(map[string]bool)}
	rest, err := l.bus.Backward(ctx, bus.Backward{Stream: events.StreamAudit, Filter: filter, Before: before},
		func(m *bus.Message) bool { return r.take(ctx, m) })
	if err == nil {
		err = r.err
	}
	if rest != 0 && !r.past {
		page.NextCursor = api.Cursor(rest)
	}
	return page, err
}

// reader fills one page.
type reader struct {
	bus   Bus
	query api.AuditQuery
	page  *api.AuditPage
	// ended holds what came of deeds that the page has passed.
	ended map[string]bool
	// past is true when all that follows is older than was asked for.
	past bool
	err  error
}

// take adds a message to the page, and reports whether to go on.
func (r *reader) take(ctx context.Context, m *bus.Message) bool {
	var e api.AuditEntry
	if json.Unmarshal(m.Data, &e) != nil {
		return true // whoever wrote it was not this package
	}
	if m.Time.Before(r.query.Since) {
		r.past = true
		return false
	}
	if !fits(r.query, e) || e.Outcome == api.AuditBegun && r.superseded(ctx, m, e) {
		return r.err == nil
	}
	if len(r.page.Entries) == r.query.Limit {
		return false
	}
	r.ended[e.ID] = true
	r.page.Entries = append(r.page.Entries, e)
	return true
}

// superseded reports whether a later entry says what came of it.
func (r *reader) superseded(ctx context.Context, m *bus.Message, e api.AuditEntry) bool {
	if r.ended[e.ID] {
		return true
	}
	newest, err := r.bus.Last(ctx, events.StreamAudit, m.Subject)
	if err != nil {
		r.err = err
		return true
	}
	return newest.Sequence > m.Sequence
}

// fits reports whether a query asks for an entry.
func fits(q api.AuditQuery, e api.AuditEntry) bool {
	return (q.By == "" || q.By == e.By) &&
		(q.Target == "" || q.Target == e.Target) &&
		(q.Action == "" || q.Action == e.Action || strings.HasPrefix(e.Action, q.Action+".")) &&
		(q.Outcome == "" || q.Outcome == e.Outcome) &&
		(q.Until.IsZero() || e.Time.Before(q.Until))
}
