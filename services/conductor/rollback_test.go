package conductor

import (
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// TestFinishedJobIsRolledBack wants a job that no conductor remembers to be taken up
// again, and work that is lost on the way to be found.
func TestFinishedJobIsRolledBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.conductor(w.conn)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { _ = c.Reconcile(ctx) }()
	w.submit("k")
	w.await("k", 1)
	w.answer("k", "first", 1, nil)
	w.await("k", 2)
	w.answer("k", "second", 1, nil)
	done := w.await("k", 3)
	if done.State != events.JobCompleted {
		t.Fatalf("the job is %s", done.State)
	}

	w.rollback("k", "sha256:0")
	w.awaitRefused(1)
	w.rollback("k", w.plan(done))
	if j := w.await("k", 4); j.State != events.JobCompensating || !j.FinishedAt.IsZero() {
		t.Fatalf("the job is %s", j.State)
	}
	undo := events.UndoOf("work")
	w.awaitQueued(undo)
	if err := w.conn.Purge(t.Context(), events.StreamQueue, undo); err != nil {
		t.Fatal(err)
	}
	c.Nudge()
	w.awaitQueued(undo)
	if task := w.task(undo); task.Step != "second" || !task.Undo || !task.Reissue {
		t.Errorf("the task that was lost is %+v", task)
	}
	w.undone("k", "second")
	w.await("k", 5)
	w.undone("k", "first")
	if j := w.await("k", 6); j.State != events.JobRolledBack || j.FinishedAt.IsZero() {
		t.Errorf("the job is %s", j.State)
	}
	// A rollback of what is rolled back is refused, and not tried again for ever.
	w.rollback("k", w.plan(done)+"x")
	w.awaitRefused(3)
	if n := len(w.history("k")); n != 6 {
		t.Errorf("%d records", n)
	}
}

// rollback asks for the rollback of a job, by a plan.
func (w *world) rollback(key, plan string) {
	w.t.Helper()
	job := events.JobID(events.DefaultTenant, key)
	w.publish(events.ControlSubject(events.DefaultTenant, job), key+plan,
		events.Command{Verb: events.VerbRollback, Plan: plan, Reason: "wrong customer"})
}

// plan returns the digest of the plan of a job's rollback.
func (w *world) plan(j events.Job) string {
	w.t.Helper()
	d, err := w.reg.Version(w.t.Context(), j.Tenant, j.Pipeline.Digest)
	if err != nil {
		w.t.Fatal(err)
	}
	plan, err := flow.Rollback(d.Plan, j)
	if err != nil {
		w.t.Fatal(err)
	}
	return plan.Digest
}

// awaitRefused waits until that many commands are done with.
func (w *world) awaitRefused(commands uint64) {
	w.t.Helper()
	var n uint64
	var err error
	for range 1000 {
		if n, err = w.conn.Acked(w.t.Context(), events.StreamControl, events.ConsumerControl); err == nil && n >= commands {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("%d commands are done with, want %d: %v", n, commands, err)
}

// undone answers the first undo of a step.
func (w *world) undone(key, step string) {
	w.t.Helper()
	job := events.JobID(events.DefaultTenant, key)
	o := events.AttemptOutcome{
		Job: job, Tenant: events.DefaultTenant, Step: step, Stage: "work@1", Attempt: 1, Undo: true,
		Verdict: events.VerdictSucceeded, StartedAt: now(), EndedAt: now(),
	}
	w.publish(events.OutcomeSubject("work", events.DefaultTenant, job, step),
		events.OutcomeID(events.DefaultTenant, job, step, true, 1, o.Verdict), o)
}
