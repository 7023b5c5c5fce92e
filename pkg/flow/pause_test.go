package flow_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

func TestPausedJobBeginsNothing(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a", "b"))
	w.command(events.VerbPause)
	w.wantRecord(flow.TypeJobPaused, events.KindJob, "", 0)
	w.stale(command(events.VerbPause))
	w.ok("a")
	w.wantJob(events.JobPaused)
	w.wantDue()
	w.refused(command(events.VerbRetry), fault.JobNotAllowed)
	w.command(events.VerbResume)
	w.wantJob(events.JobRunning)
	w.wantDue(work("b", 1))
	w.refused(command(events.VerbResume), fault.JobNotAllowed)
	w.ok("b")
	w.wantJob(events.JobCompleted)
}

func TestPausedJobKeepsItsTimers(t *testing.T) {
	t.Parallel()
	w := modern(t, newPlan(flow.Step{ID: "a"}, flow.Step{ID: "b"}))
	w.fail("a", fault.Transient)
	w.command(events.VerbPause)
	w.fail("b", fault.Transient)
	w.wantDue()
	w.stale(timer("a", 1, false))
	w.now = w.now.Add(time.Hour)
	w.command(events.VerbResume)
	w.wantDue(work("a", 2), work("b", 2))
}

func TestPausedJobEnds(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a"))
	w.command(events.VerbPause)
	w.ok("a")
	w.wantJob(events.JobCompleted)

	w = modern(t, chain("a", "b"))
	w.ok("a")
	w.command(events.VerbPause)
	w.fail("b", fault.Policy)
	w.wantJob(events.JobCompensating)
	w.refused(command(events.VerbPause), fault.JobNotAllowed)
}

func TestRetryDoesNotWaitForTheTimer(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a"))
	w.fail("a", fault.Transient)
	w.command(events.VerbRetry)
	w.wantDue(work("a", 2))
	if a := w.job.Steps["a"]; a.Spent != 1 {
		t.Errorf("a retry that was due anyway has a budget of its own: %+v", a)
	}
	w.stale(timer("a", 1, false))
}

func TestSkippedStepHandsItsInputsOn(t *testing.T) {
	t.Parallel()
	p := chain("a", "b")
	p.Steps[0].Critical = false
	p.Steps[0].Compensable, p.Steps[1].Compensable = false, false
	w := modern(t, p)
	skip := func(step string) events.Input {
		in := command(events.VerbSkip)
		in.Control.Step = step
		return in
	}
	w.refused(skip("a"), fault.JobNotAllowed)
	w.refused(skip("nobody"), fault.JobNotAllowed)
	w.fail("a", fault.Transient)
	w.must(skip("a"))
	w.wantDue(work("b", 1))
	if a := w.job.Steps["a"]; a.State != events.StepSkipped || a.Reason != flow.ReasonByPerson || len(a.Files) != 1 {
		t.Errorf("a skipped step is %+v", a)
	}
	w.fail("b", fault.Auth)
	w.refused(skip("b"), fault.JobNotAllowed)
	in := skip("b")
	in.Control.Force = true
	w.must(in)
	w.wantJob(events.JobCompleted)
}

// TestSkippedStepIsTakenBack wants what the attempts of a skipped step did to be undone
// while the job goes on.
func TestSkippedStepIsTakenBack(t *testing.T) {
	t.Parallel()
	p := chain("a", "b")
	p.Steps[0].Critical = false
	w := modern(t, p)
	w.fail("a", fault.Auth)
	in := command(events.VerbSkip)
	in.Control.Step = "a"
	w.must(in)
	w.wantDue(undoing("a", 1), work("b", 1))
	w.ok("b")
	w.wantJob(events.JobRunning)
	w.undo("a", "")
	w.wantJob(events.JobCompleted)
}

// TestUndoOfAPausedJobThatIsCancelled pauses a job while an undo waits for its next
// attempt, and cancels it when that has come: the timer has fired for nothing, and a
// timer with the same id would not be set again.
func TestUndoOfAPausedJobThatIsCancelled(t *testing.T) {
	t.Parallel()
	w := modern(t, newPlan(flow.Step{ID: "a", Compensable: true, Retry: flow.Retry{MaxAttempts: 1}}, flow.Step{ID: "b"}))
	w.fail("a", fault.Timeout)
	w.undo("a", fault.DependencyDown)
	w.fail("b", fault.Transient)
	w.command(events.VerbPause)
	w.now = w.now.Add(time.Hour)
	w.stale(timer("a", 1, true))
	w.command(events.VerbCancel)
	w.wantJob(events.JobCompensating)
	w.wantDue(undoing("a", 2))
	w.undo("a", "")
	w.wantJob(events.JobCancelled)
}
