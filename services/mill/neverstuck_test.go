package mill_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/mill"
)

// Pipelines with something of everything that the queue can hold: work, a timer for a
// retry, an undo, and a timer for the retry of an undo.
const (
	lossyWell = `    - { id: act, uses: simulate-effect@1, with: { delay: 20ms } }
    - { id: flaky, uses: simulate@1, with: { fail: { class: transient, times: 1, retry_after: 1s } } }
`
	lossyIll = `    - { id: act, uses: simulate-effect@1, with: { delay: 20ms, undo: { delay: 20ms, fail: { class: transient, times: 1, retry_after: 1s } } } }
    - { id: flaky, uses: simulate@1, with: { fail: { class: transient, times: 1, retry_after: 1s } } }
    - { id: last, uses: simulate@1, with: { fail: { class: data_quality } } }
`
	// lossyHung ends by its deadline alone.
	lossyHung = `    - { id: hang, uses: simulate-effect@1, with: { delay: 1h } }
  deadline: 8s
`
)

// TestLostMessagesComeBack deletes work, undos and timers at random while jobs run on
// a whole mill. They come back, and every job ends as if nothing had happened.
func TestLostMessagesComeBack(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := newWorld(t, func(c *mill.Config) { c.Slots, c.ReconcileEvery = 2, time.Second })
	l := &loser{world: w, random: rand.New(rand.NewPCG(seed, 5)), lost: map[string]int{}, pipeline: map[string]string{}}
	files := map[string]string{"hung": lossyHung, "well": lossyWell, "ill": lossyIll}
	ends := map[string]events.JobState{
		"hung": events.JobRolledBack, "well": events.JobCompleted, "ill": events.JobRolledBack,
	}
	for name, n := range map[string]int{"hung": 1, "well": 30, "ill": 30} {
		w.apply(name, files[name])
		for i := range n {
			job := w.accepted(name, inline(fmt.Sprint(name, i), "a"))
			l.jobs, l.pipeline[job] = append(l.jobs, job), name
			if name == "hung" {
				l.loseDeadline(job)
			}
		}
	}
	l.lose(6)
	for _, job := range l.jobs {
		name := l.pipeline[job]
		if j := w.final(job); j.State != ends[name] {
			t.Errorf("job %s (%s) ended as %s: %+v", job, name, j.State, j.Fault)
		}
		if _, err := flow.Replay(planOf(t, pipelineFile(name, files[name])), w.history(job)); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{events.StreamQueue, events.StreamOutcomes, events.StreamDead} {
		w.emptied(s)
	}
	t.Logf("lost on the way: %v", l.lost)
}

// loser deletes messages from the queue.
type loser struct {
	*world
	random   *rand.Rand
	jobs     []string
	pipeline map[string]string
	lost     map[string]int // by what it was
}

// lose deletes until enough of each kind have gone, or all jobs have ended.
func (l *loser) lose(enough int) {
	l.t.Helper()
	kinds := map[string]func(job, step string) string{
		"work": func(job, step string) string { return events.WorkOfStep(events.DefaultTenant, job, step) },
		"undo": func(job, step string) string { return events.UndoOfStep(events.DefaultTenant, job, step) },
		"timer": func(job, step string) string {
			return events.TimerSubject(events.DefaultTenant, job, step)
		},
	}
	for deadline := time.Now().Add(90 * time.Second); ; {
		missing := 0
		for what, subject := range kinds {
			if l.lost[what] >= enough {
				continue
			}
			missing++
			// That of one job, or the newest of any.
			job := []string{l.jobs[l.random.IntN(len(l.jobs))], "*", "*"}[l.random.IntN(3)]
			step := []string{"act", "flaky"}[l.random.IntN(2)]
			if l.remove(subject(job, step)) {
				l.lost[what]++
			}
		}
		if missing == 0 {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("nothing more to delete: %v", l.lost)
		}
	}
}

// loseDeadline deletes the timer that alone ends a job.
func (l *loser) loseDeadline(job string) {
	l.t.Helper()
	for !l.remove(events.LimitSubject(events.DefaultTenant, job, events.WholeJob, events.LimitDeadline)) {
		if j, err := l.last(job); err == nil && flow.Final(j.Job.State) {
			l.t.Fatal("the deadline came before it could be deleted")
		}
		time.Sleep(time.Millisecond)
	}
	l.lost["deadline"]++
}

// remove deletes the last message of a subject of the queue, if there is one.
func (l *loser) remove(filter string) bool {
	l.t.Helper()
	m, err := l.conn.Last(l.t.Context(), events.StreamQueue, filter)
	if fault.Has(err, fault.BusNotFound) {
		return false
	}
	if err == nil {
		err = l.conn.Purge(l.t.Context(), events.StreamQueue, m.Subject)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return true
}

// history returns the records of a job.
func (w *world) history(job string) (records []events.Record) {
	w.t.Helper()
	err := w.conn.Scan(w.t.Context(), bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.HistoryFilter(events.DefaultTenant, job)},
	}, func(m *bus.Message) error {
		var r events.Record
		defer func() { records = append(records, r) }()
		return json.Unmarshal(m.Data, &r)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return records
}

// emptied waits until a stream has nothing left.
func (w *world) emptied(stream string) {
	w.t.Helper()
	var n uint64
	var err error
	for range 6000 {
		if n, err = w.conn.Depth(w.t.Context(), stream); err == nil && n == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Errorf("%d messages are left in %s (%v)", n, stream, err)
}
