package deadletter

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// Bounds of one page.
const (
	// maxReads is how many letters one page may read. A page that would need more
	// ends there, and its cursor goes on.
	maxReads = 2000
	// window is how far back the headers are read first. Where there are few
	// letters of this tenant, each further step goes growth times as far.
	window = 256
	growth = 4
)

// head is what the headers of a letter say.
type head struct {
	sequence uint64
	time     time.Time
	// code is empty when the headers do not say it.
	code string
}

// List returns a page of a tenant's dead letters, newest first, without headers and
// payloads. A page can hold fewer letters than its limit and still have a next one.
// Faults: http.bad_request for a cursor that is none; those of the bus.
func (s *Store) List(
	ctx context.Context, tenant string, q api.DeadLetterQuery,
) (api.DeadLetterPage, error) {
	page := api.DeadLetterPage{DeadLetters: []api.DeadLetter{}}
	before, err := api.ParseCursor(q.Cursor)
	if err != nil {
		return page, err
	}
	if q.Limit <= 0 {
		q.Limit = api.DefaultLimit
	}
	err = s.backwards(ctx, tenant, q, before, func(l *letter, at uint64) bool {
		if l == nil || len(page.DeadLetters) == q.Limit {
			page.NextCursor = api.Cursor(at + 1)
			return false
		}
		page.DeadLetters = append(page.DeadLetters, l.shown(false))
		return true
	})
	return page, err
}

// Each calls fn with the id of every letter that q asks for, newest first, whatever
// its Limit and Cursor. It ends with the first error of fn, which it returns.
func (s *Store) Each(
	ctx context.Context, tenant string, q api.DeadLetterQuery, fn func(id string) error,
) error {
	q.Limit, q.Cursor = api.MaxLimit, ""
	for {
		page, err := s.List(ctx, tenant, q)
		if err != nil {
			return err
		}
		for _, l := range page.DeadLetters {
			if err := fn(l.ID); err != nil {
				return err
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		q.Cursor = page.NextCursor
	}
}

// walk is one way back through the letters.
type walk struct {
	s      *Store
	tenant string
	filter string
	q      api.DeadLetterQuery
	reads  int
}

// backwards calls fn with the letters before a place that q asks for, newest first,
// until it returns false. A call without a letter says that the page has read enough.
func (s *Store) backwards(
	ctx context.Context, tenant string, q api.DeadLetterQuery, before uint64,
	fn func(l *letter, at uint64) bool,
) error {
	w := &walk{s: s, tenant: tenant, filter: events.DeadSubject("*", tenant), q: q, reads: maxReads}
	if q.Consumer != "" {
		w.filter = events.DeadSubject(q.Consumer, tenant)
	}
	newest, err := s.bus.Last(ctx, events.StreamDead, w.filter)
	if fault.Has(err, fault.BusNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	high := min(before, newest.Sequence+1)
	for span := uint64(window); high > 1; {
		low := high - min(span, high-1)
		heads, err := w.heads(ctx, low, high)
		if err != nil {
			return err
		}
		more, err := w.visit(ctx, heads, fn)
		if err != nil || !more {
			return err
		}
		high = low
		if len(heads) < window/growth {
			span *= growth
		}
	}
	return nil
}

// heads reads the headers of the letters from low to below high, oldest first.
func (w *walk) heads(ctx context.Context, low, high uint64) ([]head, error) {
	var list []head
	err := w.s.bus.Scan(ctx, bus.Scan{
		Stream: events.StreamDead, Filters: []string{w.filter}, From: low, HeadersOnly: true,
	}, func(m *bus.Message) error {
		if m.Sequence >= high {
			return errEnough
		}
		list = append(list, head{m.Sequence, m.Time, m.Header[events.HeaderCode]})
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

var errEnough = errors.New("that is all that was asked for")

// visit goes through a window, newest first.
func (w *walk) visit(
	ctx context.Context, heads []head, fn func(l *letter, at uint64) bool,
) (more bool, err error) {
	for _, h := range slices.Backward(heads) {
		switch {
		case h.time.Before(w.q.Since):
			return false, nil
		case w.q.Code != "" && h.code != "" && h.code != w.q.Code:
			continue
		case w.reads == 0:
			return fn(nil, h.sequence), nil
		}
		w.reads--
		l, err := w.s.read(ctx, w.tenant, h.sequence)
		if fault.Has(err, fault.DeadletterNotFound) {
			continue // it has passed its retention meanwhile
		}
		if err != nil {
			return false, err
		}
		if w.q.Code != "" && string(l.Code) != w.q.Code ||
			w.q.State != "" && l.mark.State != w.q.State {
			continue
		}
		if !fn(l, h.sequence) {
			return false, nil
		}
	}
	return true, nil
}
