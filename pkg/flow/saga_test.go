package flow_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

func TestCriticalFailureUndoesInReverseOrderOfSuccess(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "a", Compensable: true},
		flow.Step{ID: "b", Compensable: true},
		flow.Step{ID: "plain", Needs: []string{"a"}},
		flow.Step{ID: "c", Needs: []string{"a", "b", "plain"}, Critical: true, Compensable: true},
		flow.Step{ID: "d", Needs: []string{"c"}},
	))
	w.ok("b")
	w.ok("a")
	w.ok("plain")
	w.fail("c", fault.Policy)
	w.wantRecord(flow.TypeJobCompensating, events.KindJob, "c", 1)
	w.wantDue(undoing("a", 1))
	w.wantStep("d", events.StepCancelled)
	if w.job.Goal != events.JobRolledBack || w.job.Fault == nil || w.job.Fault.Message != "c" {
		t.Errorf("got goal %q, fault %v", w.job.Goal, w.job.Fault)
	}
	w.undo("a", "")
	w.wantRecord(flow.TypeUndoSucceeded, events.KindUndo, "a", 1)
	same(t, "cause", w.last.Cause, "")
	w.wantDue(undoing("b", 1))
	w.undo("b", "")
	w.wantRecord(flow.TypeJobRolledBack, events.KindJob, "b", 1)
	if w.job.Goal != "" || w.job.FinishedAt.IsZero() || w.job.Fault == nil {
		t.Errorf("got %+v, want an end with the fault and without a goal", w.job)
	}
	for id, want := range map[string]*events.StepUndo{
		"a": {State: events.UndoDone, Attempt: 1}, "b": {State: events.UndoDone, Attempt: 1},
		"plain": nil, "c": nil, "d": nil,
	} {
		if diff := cmp.Diff(want, w.job.Steps[id].Undo); diff != "" {
			t.Errorf("undo of %s differs (-want +got):\n%s", id, diff)
		}
	}
}

func TestCriticalFailureWithNothingToUndoFailsTheJob(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "a"},
		flow.Step{ID: "b", Needs: []string{"a"}, Critical: true, Compensable: true},
	))
	w.ok("a")
	w.fail("b", fault.Poison)
	w.wantRecord(flow.TypeJobFailed, events.KindJob, "b", 1)
	if w.job.Fault == nil || w.job.Outputs != nil || w.job.Missing != nil {
		t.Errorf("got %+v, want a fault alone", w.job)
	}
}

func TestCriticalFailureAwaitsOpenAttempts(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "a", Critical: true},
		flow.Step{ID: "b", Compensable: true},
		flow.Step{ID: "c", Critical: true},
		flow.Step{ID: "d"}, flow.Step{ID: "e"}, flow.Step{ID: "f"},
		flow.Step{ID: "retrying"},
		flow.Step{ID: "stuck"},
		flow.Step{ID: "next", Needs: []string{"b"}},
	))
	w.fail("retrying", fault.Transient)
	w.fail("stuck", fault.Bug)
	w.wantRecord(flow.TypeStepAttention, events.KindStep, "stuck", 1)
	w.fail("a", fault.Policy)
	w.wantRecord(flow.TypeStepFailed, events.KindStep, "a", 1)
	w.wantJob(events.JobRunning)
	if w.job.Goal != events.JobRolledBack {
		t.Errorf("got goal %q", w.job.Goal)
	}
	for _, id := range []string{"retrying", "stuck", "next"} {
		w.wantStep(id, events.StepCancelled)
	}
	if at := w.job.Steps["retrying"].RetryAt; !at.IsZero() {
		t.Errorf("cancelled step keeps a timer at %s", at)
	}
	w.stale(timer("retrying", 1, false))

	w.ok("b")
	w.wantRecord(flow.TypeStepSucceeded, events.KindStep, "b", 1)
	w.wantDue()
	w.fail("c", fault.DataQuality)
	w.wantStep("c", events.StepFailed)
	w.fail("d", fault.Transient)
	w.wantRecord(flow.TypeStepCancelled, events.KindStep, "d", 1)
	w.wantStep("d", events.StepCancelled)
	w.fail("e", fault.Bug)
	w.wantStep("e", events.StepFailed)
	w.fail("f", fault.Cancelled)
	w.wantStep("f", events.StepCancelled)

	w.wantDue(undoing("b", 1))
	if w.job.Fault == nil || w.job.Fault.Message != "a" {
		t.Errorf("got fault %v, want that of the first critical step", w.job.Fault)
	}
	w.undo("b", "")
	w.wantJob(events.JobRolledBack)
}

func TestExpressionFailureStartsNothingElse(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "a", Compensable: true},
		flow.Step{ID: "b", Needs: []string{"a"}},
		flow.Step{ID: "c", Needs: []string{"a"}, When: broken(), Critical: true},
	))
	w.ok("a")
	w.wantDue(undoing("a", 1))
	w.wantStep("b", events.StepCancelled)
	w.wantStep("c", events.StepFailed)
}

// rollback returns a world whose step a is being undone.
func rollback(t *testing.T, budget int) *world {
	t.Helper()
	w := submit(t, newPlan(
		flow.Step{ID: "z", Compensable: true},
		flow.Step{ID: "a", Needs: []string{"z"}, Compensable: true, Retry: flow.Retry{MaxAttempts: budget}},
		flow.Step{ID: "b", Needs: []string{"a"}, Critical: true},
	))
	w.ok("z")
	w.ok("a")
	w.fail("b", fault.Policy)
	return w
}

func TestFailedUndoIsTriedAgainInItsOwnBudget(t *testing.T) {
	t.Parallel()
	w := rollback(t, 3)
	for _, class := range []fault.Class{fault.RateLimited, fault.Policy, fault.Bug} {
		attempt := w.job.Steps["a"].Undo.Attempt
		w.undo("a", class)
		w.wantRecord(flow.TypeUndoRetryScheduled, events.KindUndo, "a", attempt)
		w.wantJob(events.JobCompensating)
		u := w.job.Steps["a"].Undo
		w.wantDue(events.DueItem{
			Kind: events.DueTimer, Step: "a", Attempt: attempt, At: u.RetryAt, Undo: true,
		})
		w.stale(timer("a", attempt, false))
		w.stale(timer("a", attempt+1, true))
		w.must(timer("a", attempt, true))
		w.wantRecord(flow.TypeUndoRetried, events.KindUndo, "a", attempt+1)
		w.wantDue(undoing("a", attempt+1))
	}
	w.undo("a", fault.Transient)
	w.wantRecord(flow.TypeJobAttention, events.KindJob, "a", 4)
	same(t, "cause", w.last.Cause, flow.TypeUndoFailed)
	w.wantDue()
	u := *w.job.Steps["a"].Undo
	if u.State != events.UndoAttention || u.Spent != 3 || u.Fault == nil {
		t.Errorf("got %+v", u)
	}
	if got := flow.Outstanding(w.plan, w.job); got != nil {
		t.Errorf("attention has outstanding %v", got)
	}
}

func TestRetryOfAnUndoGivesAFreshBudget(t *testing.T) {
	t.Parallel()
	w := rollback(t, 1)
	w.undo("a", fault.Transient)
	w.wantJob(events.JobAttention)
	w.refused(command(events.VerbCancel), fault.JobNotAllowed)
	w.command(events.VerbRetry)
	w.wantRecord(flow.TypeJobRetried, events.KindJob, "", 0)
	w.wantJob(events.JobCompensating)
	w.wantDue(undoing("a", 2))
	w.refused(command(events.VerbRetry), fault.JobNotAllowed)
	if u := w.job.Steps["a"].Undo; u.Spent != 0 {
		t.Errorf("got %+v, want a fresh budget", u)
	}
	w.undo("a", "")
	w.undo("z", "")
	w.wantJob(events.JobRolledBack)
}

func TestAbandonedUndoFailsTheJob(t *testing.T) {
	t.Parallel()
	w := rollback(t, 1)
	in := undoAnswer("a", 1, fault.Transient)
	in.Outcome.Fault.Message = "disk gone"
	w.must(in)
	w.command(events.VerbAbandon)
	w.wantRecord(flow.TypeJobFailed, events.KindJob, "", 0)
	if w.job.Fault == nil || w.job.Fault.Message != "disk gone" || w.job.Goal != "" {
		t.Errorf("got fault %v, goal %q", w.job.Fault, w.job.Goal)
	}
	if w.job.Steps["z"].Undo != nil {
		t.Error("the step before was undone")
	}
	if got := flow.Outstanding(w.plan, w.job); got != nil {
		t.Errorf("final job has outstanding %v", got)
	}
	w.refused(command(events.VerbRetry), fault.JobNotAllowed)
}

func TestUndoAnswersThatAreStale(t *testing.T) {
	t.Parallel()
	w := rollback(t, 5)
	w.stale(undoAnswer("a", 2, ""))
	w.stale(undoAnswer("z", 1, ""))
	w.stale(undoAnswer("b", 1, ""))
	w.stale(success("a", 1))
	w.undo("a", "")
	w.stale(undoAnswer("a", 1, ""))
	w.stale(undoAnswer("a", 1, fault.Transient))
}
