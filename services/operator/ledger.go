package operator

import (
	"context"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// result is what became of an item. The zero value is one that waits for its turn.
type result struct {
	State    api.ItemState   `json:"s,omitempty"`
	At       int64           `json:"t,omitempty"` // Unix time in milliseconds
	Code     string          `json:"c,omitempty"`
	Detail   string          `json:"d,omitempty"`
	Job      string          `json:"j,omitempty"`
	JobState events.JobState `json:"js,omitempty"`
	Again    string          `json:"a,omitempty"`
}

func (r *result) state() api.ItemState {
	if r.State == "" {
		return api.ItemPending
	}
	return r.State
}

func (r *result) shown(n int, id string) api.OperationItem {
	it := api.OperationItem{
		Number: n + 1, ID: id, State: r.state(), Code: r.Code, Detail: r.Detail,
		Job: r.Job, JobState: r.JobState, Again: r.Again,
	}
	if r.At != 0 {
		it.At = time.UnixMilli(r.At).UTC()
	}
	return it
}

// chunk reads the items of a chunk and their results.
func (s *store) chunk(
	ctx context.Context, h *head, n int,
) (ids []string, results []result, revision uint64, err error) {
	if _, err = s.get(ctx, h.name().items(h.Frozen, n), &ids); err != nil {
		return nil, nil, 0, err
	}
	revision, err = s.get(ctx, h.name().results(n), &results)
	if fault.Has(err, fault.BusNotFound) {
		revision, err = 0, nil
	}
	if len(results) != len(ids) {
		results = make([]result, len(ids))
	}
	return ids, results, revision, err
}

// ledger is an operation's items and their results, in memory and in the bucket. It
// is used by one goroutine.
type ledger struct {
	store     *store
	head      *head
	ids       []string
	results   []result
	revisions []uint64 // of the results, by chunk
	dirty     map[int]bool
	counts    api.OperationCounts
	// progress is the revision of what people are told, and told what that was.
	progress uint64
	told     progress
}

// load reads the whole ledger.
func (s *store) load(ctx context.Context, h *head) (*ledger, error) {
	l := &ledger{store: s, head: h, dirty: make(map[int]bool)}
	for n := range h.chunks() {
		ids, results, revision, err := s.chunk(ctx, h, n)
		if err != nil {
			return nil, err
		}
		l.ids, l.results = append(l.ids, ids...), append(l.results, results...)
		l.revisions = append(l.revisions, revision)
	}
	l.counts.Matched = len(l.ids)
	for i := range l.results {
		l.count(&l.results[i], 1)
	}
	revision, err := s.get(ctx, h.name().progress(), &l.told)
	if err != nil && !fault.Has(err, fault.BusNotFound) {
		return nil, err
	}
	l.progress = revision
	return l, nil
}

func (l *ledger) count(r *result, by int) {
	switch r.state() {
	case api.ItemDone:
		l.counts.Done += by
	case api.ItemRefused:
		l.counts.Refused += by
	case api.ItemFailed:
		l.counts.Failed += by
	default:
		l.counts.Remaining += by
	}
	if r.Again != "" {
		l.counts.Again += by
	}
}

// set changes the result of an item.
func (l *ledger) set(n int, edit func(*result)) {
	r := &l.results[n]
	l.count(r, -1)
	before := r.State
	edit(r)
	if r.State != before {
		r.At = time.Now().UnixMilli()
	}
	l.count(r, 1)
	l.dirty[n/chunkSize] = true
}

// flush stores what has changed. Fault bus.fenced: somebody else carries the
// operation out.
func (l *ledger) flush(ctx context.Context) error {
	for n := range l.dirty {
		from := n * chunkSize
		to := min(from+chunkSize, len(l.results))
		revision, err := l.store.put(ctx, l.head.name().results(n), l.results[from:to], l.revisions[n])
		if err != nil {
			return err
		}
		l.revisions[n] = revision
		delete(l.dirty, n)
	}
	return nil
}

// tell stores what people are told, when that has changed.
func (l *ledger) tell(ctx context.Context, p progress) error {
	if p == l.told && l.progress != 0 {
		return nil
	}
	revision, err := l.store.put(ctx, l.head.name().progress(), p, l.progress)
	if err != nil {
		return err
	}
	l.progress, l.told = revision, p
	return nil
}
