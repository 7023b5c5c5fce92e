// Package watch folds the records and the progress of a job into what a person
// wants to see of it: a line for each thing that happened, and a picture of
// every step.
package watch

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
)

// Step is the picture of one step.
type Step struct {
	events.Step
	ID string
	// Done and Total are the progress of the current attempt. Total is 0 while
	// it is unknown. Unit is empty for bytes.
	Done, Total int64
	Unit        string
	// Rate is how much of it was done a second lately, and 0 while that is unknown.
	Rate float64
	// Queued is when the step was first seen to be due and Ended when it was
	// settled. Either may be zero.
	Queued, Ended time.Time
}

// View is the picture of one job.
type View struct {
	Job      events.Job
	Revision uint64
	Steps    []Step
}

// Tracker folds what a job reports. It is safe for concurrent use.
type Tracker struct {
	mu       sync.Mutex
	job      events.Job
	revision uint64
	order    map[string]int
	extra    map[string]*extra
}

// extra is what is known of a step beside its state.
type extra struct {
	attempt       int
	done, total   int64
	unit          string
	told          int64
	pace          pace
	queued, ended time.Time
}

// New returns a tracker that shows steps in the given order; those it does not
// name follow by name.
func New(order []string) *Tracker {
	t := &Tracker{order: map[string]int{}, extra: map[string]*extra{}}
	for i, id := range order {
		t.order[id] = i
	}
	return t
}

// Record takes a record and returns the lines that tell what it changed. A
// record that is not newer than what the tracker has seen gives none.
func (t *Tracker) Record(r events.Record) []string {
	return t.State(r.Revision, r.Job, r.Time)
}

// State takes the state of the job at a revision, and when it was reached, and
// returns the lines that tell what changed.
func (t *Tracker) State(revision uint64, job events.Job, at time.Time) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if revision <= t.revision {
		return nil
	}
	before := t.job
	t.job, t.revision = job, revision
	var lines []string
	for _, id := range t.ids() {
		was, is := before.Steps[id], job.Steps[id]
		t.clock(id, was, is, at)
		if text := stepNews(was, is); text != "" {
			lines = append(lines, stamp(at)+" "+id+": "+text)
		}
	}
	if text := jobNews(before, job); text != "" {
		lines = append(lines, stamp(at)+" job: "+text)
	}
	return lines
}

// Progress takes the progress of a step. It returns a line when a step has come
// a quarter of its way further, or for a step of unknown length four times as
// far as when a line was returned last; and "" else.
func (t *Tracker) Progress(p events.Progress) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.of(p.Step)
	if s, ok := t.job.Steps[p.Step]; ok && (p.Attempt < s.Attempt || settled(s.State)) {
		return ""
	}
	if x.attempt != p.Attempt {
		x.attempt, x.told, x.pace = p.Attempt, 0, pace{}
	}
	x.pace.note(p.Time, p.Done)
	x.done, x.total, x.unit = p.Done, p.Total, p.Unit
	worth := 4 * max(x.told, 1<<20)
	if p.Total > 0 {
		worth = x.told + max(p.Total/4, 1)
	}
	if p.Done < worth || p.Done == p.Total {
		return ""
	}
	x.told = p.Done
	return stamp(p.Time) + " " + p.Step + ": " + Amount(p.Done, p.Total, p.Unit)
}

// View returns the picture as it is now.
func (t *Tracker) View() View {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := View{Job: t.job, Revision: t.revision}
	for _, id := range t.ids() {
		s := Step{ID: id, Step: t.job.Steps[id]}
		if x := t.extra[id]; x != nil {
			s.Queued, s.Ended = x.queued, x.ended
			if x.attempt == s.Attempt {
				s.Done, s.Total, s.Unit, s.Rate = x.done, x.total, x.unit, x.pace.rate()
			}
		}
		v.Steps = append(v.Steps, s)
	}
	return v
}

// ids returns the steps of the job in the order they are shown.
func (t *Tracker) ids() []string {
	ids := make([]string, 0, len(t.job.Steps))
	for id := range t.job.Steps {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(t.rank(a), t.rank(b)), cmp.Compare(a, b))
	})
	return ids
}

func (t *Tracker) rank(id string) int {
	if i, ok := t.order[id]; ok {
		return i
	}
	return len(t.order)
}

func (t *Tracker) of(id string) *extra {
	if t.extra[id] == nil {
		t.extra[id] = &extra{}
	}
	return t.extra[id]
}

// clock notes when a step was due first and when it was settled.
func (t *Tracker) clock(id string, was, is events.Step, at time.Time) {
	x := t.of(id)
	if is.State != events.StepPending && x.queued.IsZero() {
		x.queued = at
	}
	if settled(is.State) && !settled(was.State) {
		x.ended = at
	}
}

// settled reports whether a step has come to its end.
func settled(s events.StepState) bool {
	switch s {
	case events.StepSucceeded, events.StepFailed, events.StepSkipped, events.StepCancelled:
		return true
	}
	return false
}
