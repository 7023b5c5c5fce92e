package conductor

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// TestCrashRows1To3 kills a conductor at each place of the crash table, with each
// kind of input in hand, and lets another go on.
func TestCrashRows1To3(t *testing.T) {
	t.Parallel()
	type input struct {
		prepare func(*world)
		give    func(*world)
		records int
		state   events.JobState
		due     string   // a filter that must have something in the queue
		places  []string // where the conductor is killed
	}
	job := events.JobID(events.DefaultTenant, "k")
	first := events.WorkOfStep(events.DefaultTenant, job, "first")
	second := events.WorkOfStep(events.DefaultTenant, job, "second")
	accepted := func(w *world) {
		_, stop := w.conductor(w.conn)
		w.submit("k")
		w.await("k", 1)
		w.awaitQueued(first)
		stop()
	}
	commit := []string{"before commit", "after commit"}
	all := append(commit, "after due")
	retrying := &events.Fault{Code: "fetch.server_error", Class: "transient", RetryAfterMS: 300}
	inputs := map[string]input{
		"submission": {func(*world) {}, func(w *world) { w.submit("k") }, 1, events.JobAccepted, first, all},
		"outcome":    {accepted, func(w *world) { w.answer("k", "first", 1, nil) }, 2, events.JobRunning, second, all},
		"retry": {
			accepted, func(w *world) { w.answer("k", "first", 1, retrying) }, 2, events.JobWaiting,
			events.TimerSubject(events.DefaultTenant, job, "first"), all,
		},
		// A cancel makes nothing due: what runs has to come to its end.
		"command": {accepted, func(w *world) { w.command("k", events.VerbCancel) }, 2, events.JobCancelling, first, commit},
	}
	for name, in := range inputs {
		for _, place := range in.places {
			t.Run(name+" "+place, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				in.prepare(w)
				d := &dying{Broker: w.conn, at: place}
				_, stop := w.conductor(d)
				in.give(w)
				for i := 0; !d.dead.Load(); i++ {
					if i > 1000 {
						t.Fatal("the conductor was never killed")
					}
					time.Sleep(10 * time.Millisecond)
				}
				stop()
				w.conductor(w.conn)
				j := w.await("k", in.records)
				w.awaitQueued(in.due)
				if got := w.history("k"); len(got) != in.records || j.State != in.state {
					t.Errorf("%d records, state %s; want %d, %s", len(got), j.State, in.records, in.state)
				}
			})
		}
	}
}

// TestCrashRow4 repeats every input: the acknowledgement was lost each time.
func TestCrashRow4AckLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn, bustest.Duplicator())
	w.submit("k")
	w.await("k", 1)
	w.answer("k", "first", 1, nil)
	w.await("k", 2)
	w.answer("k", "second", 1, nil)
	if j := w.await("k", 3); j.State != events.JobCompleted {
		t.Errorf("state %s", j.State)
	}
	if got := w.history("k"); len(got) != 3 {
		t.Errorf("%d records, want 3", len(got))
	}
}

// unanswered is a connection that loses the answer to the first commit.
type unanswered struct {
	Broker
	lost    atomic.Bool
	commits atomic.Int32
}

func (u *unanswered) Commit(ctx context.Context, o bus.Out) (uint64, error) {
	u.commits.Add(1)
	seq, err := u.Broker.Commit(ctx, o)
	if err == nil && u.lost.CompareAndSwap(false, true) {
		return 0, fault.New(fault.BusTimeout, "", nil)
	}
	return seq, err
}

// TestCrashRow5 loses the answer to a commit that succeeded.
func TestCrashRow5AnswerLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := &unanswered{Broker: w.conn}
	w.conductor(u)
	w.submit("k")
	w.await("k", 1)
	w.awaitQueued(events.WorkOfStep(events.DefaultTenant, events.JobID(events.DefaultTenant, "k"), "first"))
	if n, got := u.commits.Load(), w.history("k"); n != 1 || len(got) != 1 {
		t.Errorf("%d commits, %d records; want 1 and 1", n, len(got))
	}
}

// TestCrashRow6 lets another conductor move the job behind the back of one that
// has it in memory.
func TestCrashRow6Fenced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, stop := w.conductor(w.conn)
	w.submit("k")
	w.await("k", 1)
	stop()
	b, stop := w.conductor(w.conn)
	w.answer("k", "first", 1, nil)
	w.await("k", 2)
	stop()
	_ = b
	// a still believes in revision 1: by its memory step two is not queued yet.
	k := jobKey{events.DefaultTenant, events.JobID(events.DefaultTenant, "k")}
	err := a.input(t.Context(), &bus.Message{Delivered: 1}, k, events.Input{Outcome: &events.AttemptOutcome{
		Job: k.job, Tenant: k.tenant, Step: "second", Stage: "work@1", Attempt: 1, Verdict: events.VerdictSucceeded,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if j := w.await("k", 3); j.State != events.JobCompleted {
		t.Errorf("state %s", j.State)
	}
}

// TestCrashRow7 takes away what the records made due, and lets the reconciler
// find it.
func TestCrashRow7Lost(t *testing.T) {
	t.Parallel()
	job := func(key string) string { return events.JobID(events.DefaultTenant, key) }
	w := newWorld(t)
	c, _ := w.conductor(w.conn)
	w.submit("worked")
	w.submit("timed")
	w.submit("kept")
	w.await("timed", 1)
	w.answer("timed", "first", 1, &events.Fault{Code: "fetch.server_error", Class: "transient", RetryAfterMS: 3_600_000})
	w.await("timed", 2)
	work := events.WorkOfStep(events.DefaultTenant, job("worked"), "first")
	timer := events.TimerSubject(events.DefaultTenant, job("timed"), "first")
	kept := events.WorkOfStep(events.DefaultTenant, job("kept"), "first")
	for _, f := range []string{work, timer, kept} {
		w.awaitQueued(f)
	}
	for _, f := range []string{work, timer} {
		if err := w.conn.Purge(t.Context(), events.StreamQueue, f); err != nil {
			t.Fatal(err)
		}
	}
	n, err := c.reconcileOnce(t.Context(), 0)
	if err != nil || n != 2 {
		t.Errorf("repaired %d (%v), want 2", n, err)
	}
	if !w.queued(work) || !w.queued(timer) {
		t.Error("work or timer is not back")
	}
	if n, err := c.reconcileOnce(t.Context(), 0); err != nil || n != 0 {
		t.Errorf("a second look repaired %d (%v), want 0", n, err)
	}
	if n, err := c.reconcileOnce(t.Context(), time.Hour); err != nil || n != 0 {
		t.Errorf("young jobs: repaired %d (%v), want 0", n, err)
	}
}

// forgetful is a broker that was killed between noting acknowledgements and
// noting deletions: whatever its queues hold, its consumers take for done.
type forgetful struct{ Broker }

func (forgetful) Acked(context.Context, string, string) (uint64, error) { return math.MaxUint64, nil }

// TestCrashRow7Undeliverable leaves work in the queue that no consumer will be
// given, and wants it there again as new work, once.
func TestCrashRow7Undeliverable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.conductor(forgetful{w.conn})
	w.submit("k")
	work := events.WorkOfStep(events.DefaultTenant, events.JobID(events.DefaultTenant, "k"), "first")
	w.awaitQueued(work)
	before, err := w.conn.Last(t.Context(), events.StreamQueue, work)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.reconcileOnce(t.Context(), 0); err != nil || n != 1 {
		t.Fatalf("repaired %d (%v), want 1", n, err)
	}
	after, err := w.conn.Last(t.Context(), events.StreamQueue, work)
	if err != nil || after.Sequence <= before.Sequence {
		t.Errorf("after the repair: %+v %v", after, err)
	}
	if _, err := w.conn.Get(t.Context(), events.StreamQueue, before.Sequence); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("the old work is still there: %v", err)
	}
}

// TestChaos runs jobs through a conductor whose handlers are repeated, fail and
// panic at random, and checks that each job takes the same path as undisturbed.
func TestChaos(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn, bustest.RandomFail(0.2), bustest.RandomPanic(0.1), bustest.Duplicator())
	keys := []string{"a", "b", "c", "d", "e", "f"}
	for _, k := range keys {
		w.submit(k)
	}
	for _, k := range keys {
		w.await(k, 1)
		w.answer(k, "first", 1, nil)
	}
	for _, k := range keys {
		w.await(k, 2)
		w.answer(k, "second", 1, nil)
	}
	var states []events.JobState
	for _, k := range keys {
		states = append(states, w.await(k, 3).State)
		d, err := w.reg.Current(t.Context(), events.DefaultTenant, "two")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := flow.Replay(d.Plan, w.history(k)); err != nil {
			t.Error(err)
		}
	}
	if slices.ContainsFunc(states, func(s events.JobState) bool { return s != events.JobCompleted }) {
		t.Errorf("states %v", states)
	}
}
