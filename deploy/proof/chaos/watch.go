package main

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
)

// watch follows the records of all jobs, on a connection that nothing disturbs but
// the death of the broker.
type watch struct {
	conn *bus.Conn

	mu      sync.Mutex
	states  map[string]state
	final   int
	changed time.Time
	next    uint64
	moved   chan struct{} // has a value when something happened
}

// state is the newest of a job, and since when it has it.
type state struct {
	events.JobState
	since time.Time
}

func newWatch(conn *bus.Conn) *watch {
	return &watch{conn: conn, states: make(map[string]state), changed: time.Now(), next: 1, moved: make(chan struct{}, 1)}
}

// run follows until ctx ends.
func (w *watch) run(ctx context.Context) {
	for ctx.Err() == nil {
		// Whatever ends it has to do with a broker that is killed: it is tried again.
		_ = w.conn.Scan(ctx, bus.Scan{
			Stream: events.StreamEvents, Filters: []string{events.AllEvents}, From: w.next, HeadersOnly: true, Follow: true,
		}, w.note)
	}
}

func (w *watch) note(m *bus.Message) error {
	t, ok := events.Tokens(m.Subject, "events", 4)
	if !ok {
		return nil
	}
	s := state{events.JobState(m.Header[events.HeaderState]), m.Time}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next, w.changed = m.Sequence+1, time.Now()
	if flow.Final(s.JobState) && !flow.Final(w.states[t[2]].JobState) {
		w.final++
	}
	w.states[t[2]] = s
	select {
	case w.moved <- struct{}{}:
	default:
	}
	return nil
}

// ended returns how many jobs are final, and since when nothing has moved.
func (w *watch) ended() (final int, quiet time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.final, time.Since(w.changed)
}

// in returns the jobs that are in a state for a time at least.
func (w *watch) in(s events.JobState, least time.Duration) (jobs []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for job, is := range w.states {
		if is.JobState == s && time.Since(is.since) >= least {
			jobs = append(jobs, job)
		}
	}
	return jobs
}

// live returns the jobs that are not final.
func (w *watch) live() map[string]events.JobState {
	w.mu.Lock()
	defer w.mu.Unlock()
	live := make(map[string]events.JobState)
	for job, is := range maps.All(w.states) {
		if !flow.Final(is.JobState) {
			live[job] = is.JobState
		}
	}
	return live
}
