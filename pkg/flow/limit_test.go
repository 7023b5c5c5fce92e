package flow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// overTime fires the timer of a limit.
func overTime(step string, limit events.Limit) events.Input {
	in := timer(step, 0, false)
	in.Timer.Limit = limit
	return in
}

func limitItem(step string, at time.Time, limit events.Limit) events.DueItem {
	return events.DueItem{Kind: events.DueTimer, Step: step, At: at.Add(5 * time.Second), Limit: limit}
}

func (w *world) wantFault(f *events.Fault, code fault.Code) {
	w.t.Helper()
	if f == nil || f.Code != string(code) || f.Class != string(fault.Timeout) || f.Hint == "" {
		w.t.Errorf("fault %+v, want %s", f, code)
	}
}

// TestTotalLimit: the time of a step runs from the first time that it was due, over
// all attempts, and ends it whatever it waits for.
func TestTotalLimit(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) (*world, time.Time) {
		p := chain("a", "b")
		p.Steps[1].TotalLimit = time.Hour
		w := submit(t, p)
		w.ok("a")
		until := w.now.Truncate(time.Millisecond).Add(time.Hour)
		w.wantDue(work("b", 1), limitItem("b", until, events.LimitTotal))
		w.stale(overTime("a", events.LimitTotal))
		return w, until
	}
	check := func(t *testing.T, w *world) {
		w.must(overTime("b", events.LimitTotal))
		w.wantStep("b", events.StepFailed)
		w.wantFault(w.job.Steps["b"].Fault, fault.StageTotalExceeded)
		w.wantFault(w.job.Fault, fault.StageTotalExceeded)
		w.wantJob(events.JobCompensating)
		w.stale(overTime("b", events.LimitTotal))
		w.stale(success("b", w.job.Steps["b"].Attempt))
	}
	t.Run("nobody takes it", func(t *testing.T) {
		t.Parallel()
		w, _ := begin(t)
		check(t, w)
	})
	t.Run("while it waits", func(t *testing.T) {
		t.Parallel()
		w, until := begin(t)
		w.fail("b", fault.Transient)
		w.fire("b")
		w.wantDue(work("b", 2)) // the time goes on
		w.fail("b", fault.Transient)
		if got := w.job.Steps["b"].Until; !got.Equal(until) {
			t.Errorf("it is given up at %s, not %s", got, until)
		}
		check(t, w)
	})
	t.Run("while a person is asked", func(t *testing.T) {
		t.Parallel()
		w, until := begin(t)
		w.fail("b", fault.Auth)
		w.wantJob(events.JobAttention)
		want := []events.DueItem{limitItem("b", until, events.LimitTotal)}
		if diff := cmp.Diff(want, flow.Outstanding(w.plan, w.job)); diff != "" {
			t.Error(diff)
		}
		check(t, w)
	})
	t.Run("while it is paused", func(t *testing.T) {
		t.Parallel()
		w, _ := begin(t)
		w.fail("b", fault.Transient)
		w.command(events.VerbPause)
		check(t, w)
	})
	t.Run("the worker says so", func(t *testing.T) {
		t.Parallel()
		w, _ := begin(t)
		in := failure("b", 1, fault.Timeout)
		in.Outcome.Fault.Code = string(fault.StageTotalExceeded)
		w.must(in)
		w.wantStep("b", events.StepFailed) // and is not tried again
	})
	t.Run("it ends in time", func(t *testing.T) {
		t.Parallel()
		w, _ := begin(t)
		w.ok("b")
		w.wantJob(events.JobCompleted)
		w.stale(overTime("b", events.LimitTotal))
	})
}

// TestDeadline: a job that is late is taken back at once, also when nobody answers.
func TestDeadline(t *testing.T) {
	t.Parallel()
	p := newPlan(
		flow.Step{ID: "a", Critical: true, Compensable: true},
		flow.Step{ID: "b", Needs: []string{"a"}},
		flow.Step{ID: "c", Needs: []string{"a"}},
		flow.Step{ID: "d", Needs: []string{"b"}},
	)
	p.Deadline = 3 * time.Hour
	w := submit(t, p)
	late := limitItem(events.WholeJob, w.job.AcceptedAt.Add(p.Deadline), events.LimitDeadline)
	w.wantDue(late, work("a", 1))
	w.stale(overTime("a", "rubbish"))
	w.ok("a")
	w.fail("c", fault.Transient)
	if diff := cmp.Diff(late, flow.Outstanding(p, w.job)[0]); diff != "" {
		t.Error(diff)
	}
	w.must(overTime(events.WholeJob, events.LimitDeadline))
	w.wantJob(events.JobCompensating)
	w.wantFault(w.job.Fault, fault.JobDeadlineExceeded)
	w.wantFault(w.job.Steps["b"].Fault, fault.JobDeadlineExceeded)
	for _, id := range []string{"b", "c", "d"} {
		w.wantStep(id, events.StepCancelled)
	}
	w.wantDue(undoing("a", 1))
	w.stale(overTime(events.WholeJob, events.LimitDeadline))
	w.stale(success("b", 1))
	w.undo("a", "")
	w.wantJob(events.JobRolledBack)

	w = submit(t, p)
	w.command(events.VerbCancel)
	w.stale(overTime(events.WholeJob, events.LimitDeadline)) // it is being ended
}

// TestTaskKeepsLimits: the worker is told which limits to keep, of which the
// earliest counts.
func TestTaskKeepsLimits(t *testing.T) {
	t.Parallel()
	task := func(p *flow.Plan) (events.Task, events.Job) {
		p.Steps[0].StallLimit, p.Steps[0].QueueLimit = 2*time.Minute, 10*time.Minute
		w := submit(t, p)
		got, err := flow.Task(p, w.job, work("a", 1), 1)
		if err != nil {
			t.Fatal(err)
		}
		return got, w.job
	}
	p := chain("a")
	got, j := task(p)
	if got.StallMS != 120_000 || got.QueueMS != 600_000 || !got.QueuedAt.Equal(j.AcceptedAt) || !got.Until.IsZero() || got.Limit != "" {
		t.Errorf("task %+v", got)
	}
	p = chain("a")
	p.Deadline = time.Hour
	if got, j = task(p); !got.Until.Equal(j.AcceptedAt.Add(time.Hour)) || got.Limit != events.LimitDeadline {
		t.Errorf("task %+v", got)
	}
	p.Steps[0].TotalLimit = 2 * time.Hour
	if got, _ = task(p); got.Limit != events.LimitDeadline {
		t.Errorf("task %+v", got)
	}
	p.Steps[0].TotalLimit = time.Minute
	if got, j = task(p); !got.Until.Equal(j.AcceptedAt.Add(time.Minute)) || got.Limit != events.LimitTotal {
		t.Errorf("task %+v", got)
	}
	plain := submit(t, chain("a"))
	if st := plain.job.Steps["a"]; !st.QueuedAt.IsZero() || !st.Until.IsZero() {
		t.Errorf("a step without limits has %+v", st)
	}
}

// TestResumeIntoTheEnd: a timer of a paused job that the resume ends is not due.
func TestResumeIntoTheEnd(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "a"}, flow.Step{ID: "b", Retry: flow.Retry{Initial: time.Hour}},
		flow.Step{ID: "c", Critical: true, Needs: []string{"a"}, When: broken()},
	))
	w.fail("b", fault.Transient)
	w.command(events.VerbPause)
	w.ok("a")
	w.command(events.VerbResume)
	w.wantJob(events.JobFailed)
	w.wantDue()
}
