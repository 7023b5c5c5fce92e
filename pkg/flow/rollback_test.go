package flow_test

import (
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// modern returns a world whose job runs by the newest rules.
func modern(t testing.TB, p *flow.Plan) *world {
	t.Helper()
	w := newWorld(t, p)
	in := submission(p)
	in.Submit.Rules = flow.Rules
	w.must(in)
	return w
}

// rollback asks for what the job's own plan says.
func (w *world) rollback() events.Input {
	w.t.Helper()
	plan, err := flow.Rollback(w.plan, w.job)
	if err != nil {
		w.t.Fatal(err)
	}
	in := command(events.VerbRollback)
	in.Control.Plan = plan.Digest
	return in
}

func TestFinishedJobIsRolledBack(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a", "b"))
	w.ok("a")
	w.ok("b")
	w.wantJob(events.JobCompleted)
	w.must(w.rollback())
	w.wantRecord(flow.TypeJobCompensating, events.KindJob, "", 0)
	w.wantDue(undoing("b", 1))
	if w.job.Outputs != nil || !w.job.FinishedAt.IsZero() || w.job.Reason != "because" {
		t.Errorf("a job that is rolled back still looks finished: %+v", w.job)
	}
	w.undo("b", "")
	w.undo("a", "")
	w.wantJob(events.JobRolledBack)
	w.refused(command(events.VerbRollback), fault.JobNotAllowed)
}

func TestRollbackIsRefusedUntilAllIsSaid(t *testing.T) {
	t.Parallel()
	p := chain("a", "b")
	p.Steps[1].Irreversible, p.Steps[1].Compensable = true, false
	w := modern(t, p)
	w.refused(command(events.VerbRollback), fault.JobNotAllowed)
	w.ok("a")
	w.ok("b")
	in := w.rollback()
	in.Control.Reason = ""
	w.refused(in, fault.RollbackNoReason)
	in = w.rollback()
	in.Control.Plan = "sha256:other"
	w.refused(in, fault.RollbackStalePlan)
	w.refused(w.rollback(), fault.RollbackIrreversible)
	in = w.rollback()
	in.Control.Irreversible = true
	w.must(in)
	w.undo("a", "")
	w.wantJob(events.JobRolledBack)
}

func TestRollbackOfNothing(t *testing.T) {
	t.Parallel()
	w := modern(t, newPlan(flow.Step{ID: "a"}))
	w.ok("a")
	w.refused(command(events.VerbRollback), fault.RollbackNothing)
}

func TestPlanOfARollbackListsWhatWasDoneLastFirst(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a", "b", "c"))
	for _, id := range []string{"a", "b", "c"} {
		w.ok(id)
	}
	first, err := flow.Rollback(w.plan, w.job)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Steps) != 3 || first.Steps[0].Step != "c" || first.Steps[2].Step != "a" || !first.Steps[0].Reversible {
		t.Errorf("the plan is %+v", first)
	}
	again, err := flow.Rollback(w.plan, w.job)
	if err != nil || again.Digest != first.Digest {
		t.Errorf("the same plan has the digests %s and %s (%v)", first.Digest, again.Digest, err)
	}
}

func TestFailedStepIsUndoneToo(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a", "b"))
	w.ok("a")
	w.fail("b", fault.Policy)
	w.wantDue(undoing("b", 1))
	task, err := flow.Task(w.plan, w.job, undoing("b", 1), 1)
	if err != nil || !task.Undo || len(task.Done.Files) != 0 {
		t.Errorf("the undo of a failed step is %+v (%v)", task, err)
	}
	w.undo("b", "")
	w.wantDue(undoing("a", 1))
	w.undo("a", "")
	w.wantJob(events.JobRolledBack)
}

func TestStepThatNeverHadAnAttemptIsNotUndone(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a", "b"))
	w.command(events.VerbCancel)
	w.fail("a", fault.Cancelled)
	w.wantDue(undoing("a", 1))
	w.undo("a", "")
	w.wantJob(events.JobCancelled)
}

func TestJobGoesOnWhileAFailedStepIsUndone(t *testing.T) {
	t.Parallel()
	w := modern(t, newPlan(flow.Step{ID: "a", Compensable: true}, flow.Step{ID: "b"}))
	w.fail("a", fault.Policy)
	w.wantDue(undoing("a", 1))
	w.ok("b")
	w.wantJob(events.JobRunning)
	w.undo("a", "")
	w.wantJob(events.JobPartial)
}

func TestFailedUndoIsAccepted(t *testing.T) {
	t.Parallel()
	p := chain("a", "b")
	p.Steps[0].Retry.MaxAttempts = 1
	w := modern(t, p)
	w.ok("a")
	w.fail("b", fault.Policy)
	w.undo("b", "")
	w.undo("a", fault.Policy)
	w.wantJob(events.JobAttention)
	in := command(events.VerbAccept)
	in.Control.Reason = ""
	w.refused(in, fault.JobNotAllowed)
	w.command(events.VerbAccept)
	w.wantJob(events.JobRolledBack)
	if u := w.job.Steps["a"].Undo; u.State != events.UndoDone || u.Accepted != "because" || u.Fault == nil {
		t.Errorf("an accepted undo is %+v", u)
	}
}
