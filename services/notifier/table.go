package notifier

import (
	"cmp"
	"slices"
	"time"

	"github.com/millrace/millrace/pkg/endpoints"
)

// found is a record that concerns an endpoint.
type found struct {
	job      string
	sequence uint64
}

// entry is a job with an event that was not taken yet.
type entry struct {
	endpoints.Behind
	busy bool // a request is under way
}

// table holds the jobs of a lane that are not settled, by id. Everything up to done is
// settled but for them.
type table struct {
	done uint64
	jobs map[string]*entry
}

func newTable(l *endpoints.Lane) *table {
	t := &table{done: l.Done, jobs: make(map[string]*entry)}
	for _, b := range l.Behind {
		t.jobs[b.Job] = &entry{Behind: b}
	}
	return t
}

func (t *table) empty() bool { return len(t.jobs) == 0 }

// take notes a record. That of a job which is behind stays in the log: it has its turn
// when those before it are settled.
func (t *table) take(f found) {
	t.done = max(t.done, f.sequence)
	e := t.jobs[f.job]
	if e == nil {
		e = &entry{Behind: endpoints.Behind{Job: f.job, After: f.sequence - 1}}
		t.jobs[f.job] = e
	}
	e.Last = max(e.Last, f.sequence)
}

// settled notes that a job is settled up to a record.
func (t *table) settled(e *entry, sequence uint64) {
	e.After = sequence
	e.Attempts, e.First, e.Due = 0, time.Time{}, time.Time{}
	if e.Last <= sequence {
		delete(t.jobs, e.Job)
	}
}

// due returns up to n entries that may be sent now, those that wait longest first.
func (t *table) due(now time.Time, n int) []*entry {
	var list []*entry
	for _, e := range t.jobs {
		if !e.busy && !e.Due.After(now) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.After, b.After) })
	return list[:min(n, len(list))]
}

// next is when the next entry is due; zero when none waits.
func (t *table) next() time.Time {
	var at time.Time
	for _, e := range t.jobs {
		if !e.busy && (at.IsZero() || e.Due.Before(at)) {
			at = e.Due
		}
	}
	return at
}

// hurry makes everything due that waits.
func (t *table) hurry(now time.Time) {
	for _, e := range t.jobs {
		if e.Due.After(now) {
			e.Due = now
		}
	}
}

// state is the table as it is saved.
func (t *table) state() *endpoints.Lane {
	l := &endpoints.Lane{Done: t.done}
	for _, e := range t.jobs {
		l.Behind = append(l.Behind, e.Behind)
	}
	slices.SortFunc(l.Behind, func(a, b endpoints.Behind) int { return cmp.Compare(a.After, b.After) })
	return l
}
