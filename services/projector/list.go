package projector

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// maxFetches bounds how many records one page may read to learn the labels of jobs.
// A page that would need more ends there, and its cursor goes on.
const maxFetches = 2000

// List returns a page of a tenant's jobs, newest first. What a page says of a job is
// its newest record; which jobs are considered follows the view, so a job whose
// state has just changed may be missing from a page of one state. A page can hold
// fewer jobs than its limit and still have a next one. Faults: http.bad_request for
// a cursor that is none; those of the bus.
func (p *Projector) List(ctx context.Context, tenant string, q api.JobQuery) (api.JobPage, error) {
	if q.Limit <= 0 {
		q.Limit = api.DefaultLimit
	}
	at, err := parseCursor(q.Cursor)
	if err != nil {
		return api.JobPage{}, err
	}
	s := &search{p: p, tenant: tenant, q: q, labels: newLabelSet(q.Labels), fetches: maxFetches}
	for {
		// One more than there is room for tells whether there is a next page.
		want := q.Limit - len(s.items) + 1
		found := s.candidates(at, want)
		for _, e := range found {
			if s.full() {
				return api.JobPage{Jobs: s.items, NextCursor: formatCursor(at)}, nil
			}
			if err := s.consider(ctx, e); err != nil {
				return api.JobPage{}, err
			}
			at = e.first
		}
		if len(found) < want {
			return api.JobPage{Jobs: s.items}, nil
		}
	}
}

// search is one call of List.
type search struct {
	p      *Projector
	tenant string
	q      api.JobQuery
	labels labelSet
	// fetches counts down what maxFetches allows.
	fetches int
	items   []api.JobItem
}

func (s *search) full() bool { return len(s.items) >= s.q.Limit || s.fetches <= 0 }

// candidates returns the n newest jobs before a place that the view cannot rule out.
func (s *search) candidates(at uint64, n int) []*entry {
	s.p.mu.RLock()
	defer s.p.mu.RUnlock()
	v := s.p.view
	var found []*entry
	for i := v.before(at) - 1; i >= 0 && len(found) < n; i-- {
		if e := v.order.at(i); s.possible(e) {
			found = append(found, e)
		}
	}
	return found
}

func (s *search) possible(e *entry) bool {
	switch {
	case e.gone, e.key.tenant != s.tenant:
		return false
	case s.q.Pipeline != "" && e.pipeline != s.q.Pipeline:
		return false
	case len(s.q.States) > 0 && !slices.Contains(s.q.States, e.state):
		return false
	case len(s.labels) > 0 && e.labels != nil && !e.labels.has(s.labels):
		return false
	}
	return true
}

// consider reads a job's newest record and puts it on the page when it belongs
// there.
func (s *search) consider(ctx context.Context, e *entry) error {
	s.fetches--
	m, err := s.p.bus.Last(ctx, events.StreamEvents, events.HistoryFilter(e.key.tenant, e.key.job))
	if fault.Has(err, fault.BusNotFound) {
		s.p.mu.Lock()
		s.p.view.forget(e)
		s.p.mu.Unlock()
		return nil
	}
	if err != nil {
		return err
	}
	var rec events.Record
	if err := json.Unmarshal(m.Data, &rec); err != nil {
		s.p.log.Warn("a record cannot be read", "sequence", m.Sequence, "error", err)
		return nil
	}
	if len(s.labels) > 0 {
		s.p.mu.Lock()
		e.labels = newLabelSet(rec.Job.Labels)
		s.p.mu.Unlock()
		if !hasLabels(rec.Job.Labels, s.q.Labels) {
			return nil
		}
	}
	if len(s.q.States) == 0 || slices.Contains(s.q.States, rec.Job.State) {
		s.items = append(s.items, item(&rec))
	}
	return nil
}

func hasLabels(have, want map[string]string) bool {
	for name, value := range want {
		if got, ok := have[name]; !ok || got != value {
			return false
		}
	}
	return true
}

// item is what a list shows of a job.
func item(rec *events.Record) api.JobItem {
	j := &rec.Job
	it := api.JobItem{
		ID: j.ID, Revision: rec.Revision, State: j.State, Pipeline: j.Pipeline,
		Key: j.Key, Labels: j.Labels, Files: len(j.Files), Steps: len(j.Steps),
		Fault: j.Fault, AcceptedAt: j.AcceptedAt, FinishedAt: j.FinishedAt,
	}
	if j.Rerun != nil {
		it.Rerun = j.Rerun.Job
	}
	if len(j.Files) > 0 {
		it.Name = j.Files[0].Name
	}
	for _, st := range j.Steps {
		switch st.State {
		case events.StepSucceeded, events.StepFailed, events.StepSkipped, events.StepCancelled:
			it.StepsDone++
		}
	}
	return it
}

// A cursor is the place in the log before which the next page begins. It is encoded
// so that nobody takes it for a number to count with.
const cursorPrefix = "v1:"

func formatCursor(before uint64) string {
	text := cursorPrefix + strconv.FormatUint(before, 36)
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// parseCursor reads a cursor. An empty one is the place after all jobs.
func parseCursor(s string) (uint64, error) {
	if s == "" {
		return math.MaxUint64, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(s)
	if digits, ok := strings.CutPrefix(string(data), cursorPrefix); err == nil && ok {
		if n, err := strconv.ParseUint(digits, 36, 64); err == nil {
			return n, nil
		}
	}
	return 0, fault.New(fault.HTTPBadRequest, "the cursor is none of this list", nil)
}
