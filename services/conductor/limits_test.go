package conductor

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// limited is a pipeline whose jobs have a deadline, and a step with a limit.
func limited(deadline, total string) string {
	return `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: two
spec:
  deadline: ` + deadline + `
  steps:
    - id: first
      uses: work@1
      limits: {total: ` + total + `}
    - id: second
      uses: work@1
`
}

func (w *world) apply(src string) {
	w.t.Helper()
	if _, _, err := w.reg.Apply(w.t.Context(), events.DefaultTenant, []byte(src)); err != nil {
		w.t.Fatal(err)
	}
}

// awaitTimers waits until the timers of the step and of the job run, or do not.
func (w *world) awaitTimers(key string, step, whole bool) {
	w.t.Helper()
	job := events.JobID(events.DefaultTenant, key)
	total := events.LimitSubject(events.DefaultTenant, job, "first", events.LimitTotal)
	deadline := events.LimitSubject(events.DefaultTenant, job, events.WholeJob, events.LimitDeadline)
	for range 1000 {
		if w.queued(total) == step && w.queued(deadline) == whole {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("the timers run: %t, %t; want %t, %t", w.queued(total), w.queued(deadline), step, whole)
}

// TestStepThatNobodyTakes: there is no worker at all, and the job ends all the same
// when the time of its step is over.
func TestStepThatNobodyTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(limited("1h", "1ms"))
	w.conductor(w.conn)
	w.submit("k")
	j := w.await("k", 2)
	if f := j.Steps["first"].Fault; f == nil || f.Code != "stage.total_exceeded" || j.Goal != events.JobRolledBack {
		t.Errorf("job %+v", j)
	}
}

// TestJobThatIsLate: the deadline takes a job back that nobody works on.
func TestJobThatIsLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(limited("1ms", "1ms"))
	w.conductor(w.conn)
	w.submit("k")
	w.await("k", 1)
	job := events.JobID(events.DefaultTenant, "k")
	w.publish(events.DueSubject(events.DefaultTenant, job), "now", events.TimerFired{
		Job: job, Tenant: events.DefaultTenant, Step: events.WholeJob, Limit: events.LimitDeadline,
	})
	j := w.await("k", 2)
	if j.Fault == nil || j.Fault.Code != "job.deadline_exceeded" || j.Steps["first"].State != events.StepCancelled {
		t.Errorf("job %+v", j)
	}
	for range 1000 {
		if _, err := w.conn.Last(t.Context(), events.StreamCheckpoints, events.CheckpointSubject(events.DefaultTenant, job, "first")); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("whoever works on it may still save")
}

// TestTimersOfLimits: they are where they are looked for, come back when they are
// lost, and go with the job.
func TestTimersOfLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(limited("1h", "30m"))
	c, _ := w.conductor(w.conn)
	w.submit("k")
	w.await("k", 1)
	w.awaitTimers("k", true, true)
	look := func() int {
		n, err := c.reconcileOnce(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := look(); n != 0 {
		t.Errorf("%d messages are missed, and nothing is", n)
	}
	subject := events.LimitSubject(events.DefaultTenant, events.JobID(events.DefaultTenant, "k"), "first", events.LimitTotal)
	if err := w.conn.Purge(t.Context(), events.StreamQueue, subject); err != nil {
		t.Fatal(err)
	}
	w.awaitTimers("k", false, true)
	if n := look(); n != 1 {
		t.Errorf("%d messages are published again, want the timer", n)
	}
	w.awaitTimers("k", true, true)
	w.answer("k", "first", 1, nil)
	w.await("k", 2)
	w.answer("k", "second", 1, nil)
	if j := w.await("k", 3); j.State != events.JobCompleted {
		t.Errorf("job %+v", j)
	}
	w.awaitTimers("k", false, false)
}

// cutAtEnd is a connection that breaks when a job ends: either the answer to the
// commit is lost, or the broker does not hear that the timers are to go.
type cutAtEnd struct {
	Broker
	purge bool
	cuts  atomic.Int32
}

func (c *cutAtEnd) Commit(ctx context.Context, o bus.Out) (uint64, error) {
	seq, err := c.Broker.Commit(ctx, o)
	if ended := o.Header[events.HeaderState] == string(events.JobCompleted); !c.purge && ended && err == nil && c.cuts.Add(1) == 1 {
		return 0, fault.New(fault.BusTimeout, "", nil)
	}
	return seq, err
}

func (c *cutAtEnd) Purge(ctx context.Context, stream, filter string) error {
	if c.purge && strings.Contains(filter, ".timer.") && c.cuts.Add(1) == 1 {
		return fault.New(fault.BusTimeout, "", nil)
	}
	return c.Broker.Purge(ctx, stream, filter)
}

// TestTimersGoThoughTheConnectionBreaks: timers of a job that has ended do not stay in
// the queue until they are due, which may be days.
func TestTimersGoThoughTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	for name, purge := range map[string]bool{"at the commit": false, "at the purge": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(limited("1h", "30m"))
			cut := &cutAtEnd{Broker: w.conn, purge: purge}
			w.conductor(cut)
			w.submit("k")
			w.await("k", 1)
			w.awaitTimers("k", true, true)
			w.answer("k", "first", 1, nil)
			w.await("k", 2)
			w.answer("k", "second", 1, nil)
			w.await("k", 3)
			w.awaitTimers("k", false, false)
			if cut.cuts.Load() == 0 {
				t.Error("the connection did not break")
			}
		})
	}
}
