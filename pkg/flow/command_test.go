package flow_test

import (
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

func TestCancelAwaitsOpenAttemptsThenUndoes(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "a", Compensable: true},
		flow.Step{ID: "b", Compensable: true},
		flow.Step{ID: "c"},
		flow.Step{ID: "d", Needs: []string{"a", "b", "c"}},
	))
	w.ok("a")
	w.fail("c", fault.Transient)
	w.command(events.VerbCancel)
	w.wantRecord(flow.TypeJobCancelling, events.KindJob, "", 0)
	w.wantDue()
	w.wantStep("c", events.StepCancelled)
	w.wantStep("d", events.StepCancelled)
	w.wantStep("b", events.StepQueued)
	if w.job.Goal != events.JobCancelled || w.job.Reason != "because" {
		t.Errorf("got goal %q, reason %q", w.job.Goal, w.job.Reason)
	}
	w.stale(command(events.VerbCancel))

	w.ok("b")
	w.wantRecord(flow.TypeJobCompensating, events.KindJob, "b", 1)
	w.wantDue(undoing("b", 1))
	w.refused(command(events.VerbCancel), fault.JobNotAllowed)
	w.undo("b", "")
	w.undo("a", "")
	w.wantRecord(flow.TypeJobCancelled, events.KindJob, "a", 1)
	w.refused(command(events.VerbCancel), fault.JobNotAllowed)
}

func TestCancelFromEachState(t *testing.T) {
	t.Parallel()
	plan := func() *flow.Plan { return newPlan(flow.Step{ID: "a"}, flow.Step{ID: "b", Needs: []string{"a"}}) }
	for name, tc := range map[string]struct {
		do   func(w *world)
		from events.JobState
		want events.JobState
		typ  string
	}{
		"accepted":  {func(*world) {}, events.JobAccepted, events.JobCancelling, flow.TypeJobCancelling},
		"running":   {func(w *world) { w.ok("a") }, events.JobRunning, events.JobCancelling, flow.TypeJobCancelling},
		"waiting":   {func(w *world) { w.fail("a", fault.Timeout) }, events.JobWaiting, events.JobCancelled, flow.TypeJobCancelled},
		"attention": {func(w *world) { w.fail("a", fault.Auth) }, events.JobAttention, events.JobCancelled, flow.TypeJobCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := submit(t, plan())
			tc.do(w)
			w.wantJob(tc.from)
			w.command(events.VerbCancel)
			w.wantJob(tc.want)
			w.wantRecord(tc.typ, events.KindJob, "", 0)
		})
	}
}

func TestCancelWithSomethingToUndoAndNothingOpen(t *testing.T) {
	t.Parallel()
	w := submit(t, chain("a", "b"))
	w.ok("a")
	w.fail("b", fault.Transient)
	w.command(events.VerbCancel)
	w.wantRecord(flow.TypeJobCompensating, events.KindJob, "", 0)
	w.wantDue(undoing("a", 1))
}

func TestCancelAfterACriticalFailure(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a", Critical: true}, flow.Step{ID: "b"}))
	w.fail("a", fault.Policy)
	w.command(events.VerbCancel)
	w.wantJob(events.JobCancelling)
	w.fail("b", fault.Cancelled)
	w.wantRecord(flow.TypeJobCancelled, events.KindJob, "b", 1)
	if w.job.Fault == nil {
		t.Error("the fault of the critical step is lost")
	}
}

func TestCancelledAttemptOfAJobThatIsNotCancelledIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := submit(t, chain("a"))
	w.fail("a", fault.Cancelled)
	w.wantStep("a", events.StepRetrying)
}

func TestRetryOfStepsInAttention(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}, flow.Step{ID: "b"}, flow.Step{ID: "c"}))
	w.refused(command(events.VerbRetry), fault.JobNotAllowed)
	w.ok("c")
	w.fail("a", fault.Auth)
	w.lose("b", "order")
	w.wantRecord(flow.TypeJobAttention, events.KindJob, "b", 1)
	w.refused(command(events.VerbRetry), fault.JobNotAllowed) // nobody has said what became of b's effect
	w.must(settle(events.SettleDone))
	if b := w.job.Steps["b"]; b.Settle != events.SettleDone || w.job.Steps["a"].Settle != "" {
		t.Errorf("the word on effects is %q for b and %q for a", b.Settle, w.job.Steps["a"].Settle)
	}
	w.wantRecord(flow.TypeJobRetried, events.KindJob, "", 0)
	w.wantJob(events.JobRunning)
	w.wantDue(work("a", 2), work("b", 2))
	w.refused(command(events.VerbRetry), fault.JobNotAllowed)
	w.ok("a")
	w.ok("b")
	w.wantJob(events.JobCompleted)
	w.refused(command(events.VerbRetry), fault.JobNotAllowed)
}

func TestRetryGivesAFreshBudget(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a", Retry: flow.Retry{MaxAttempts: 2}}))
	for range 2 {
		w.fail("a", fault.Unclassified)
		w.wantJob(events.JobWaiting)
		w.fire("a")
		w.fail("a", fault.Unclassified)
		w.wantJob(events.JobAttention)
		w.command(events.VerbRetry)
	}
	if a := w.job.Steps["a"]; a.Attempt != 5 || a.Spent != 0 {
		t.Errorf("got %+v, want the fifth attempt with a fresh budget", a)
	}
}

func TestPersonMayActWhileOtherStepsGoOn(t *testing.T) {
	t.Parallel()
	steps := []flow.Step{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	for name, tc := range map[string]struct {
		verb  events.Verb
		state events.StepState
		typ   string
	}{
		"retry":   {events.VerbRetry, events.StepQueued, flow.TypeJobRetried},
		"abandon": {events.VerbAbandon, events.StepFailed, flow.TypeJobAbandoned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := submit(t, newPlan(steps...))
			w.ok("c")
			w.fail("a", fault.Bug)
			w.command(tc.verb)
			w.wantRecord(tc.typ, events.KindStep, "", 0)
			w.wantStep("a", tc.state)
			w.wantJob(events.JobRunning)
		})
	}
}

func TestAbandonOfSteps(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "a"}, flow.Step{ID: "b"},
		flow.Step{ID: "c", Needs: []string{"a", "b"}},
	))
	w.refused(command(events.VerbAbandon), fault.JobNotAllowed)
	w.ok("b")
	w.fail("a", fault.Bug)
	w.wantJob(events.JobAttention)
	w.command(events.VerbAbandon)
	w.wantRecord(flow.TypeJobAbandoned, events.KindJob, "", 0)
	w.wantDue(work("c", 1))
	w.refused(command(events.VerbAbandon), fault.JobNotAllowed)
	w.ok("c")
	w.wantJob(events.JobPartial)
}

func TestAbandonWhileAnotherStepWaits(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}, flow.Step{ID: "b"}))
	w.fail("a", fault.Bug)
	w.fail("b", fault.Timeout)
	w.wantJob(events.JobWaiting)
	w.command(events.VerbAbandon)
	w.wantRecord(flow.TypeJobAbandoned, events.KindStep, "", 0)
	w.wantJob(events.JobWaiting)
}

func TestAbandonOfACriticalStep(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "done", Compensable: true},
		flow.Step{ID: "crit", Critical: true},
		flow.Step{ID: "other"},
	))
	w.ok("done")
	w.fail("crit", fault.Bug)
	w.fail("other", fault.Auth)
	w.command(events.VerbAbandon)
	w.wantRecord(flow.TypeJobCompensating, events.KindJob, "", 0)
	w.wantStep("crit", events.StepFailed)
	w.wantStep("other", events.StepFailed)
	w.wantDue(undoing("done", 1))
	if w.job.Fault == nil || w.job.Fault.Message != "crit" {
		t.Errorf("got fault %v", w.job.Fault)
	}
}

func TestImpossibleInputsAreRefused(t *testing.T) {
	t.Parallel()
	foreignJob, foreignTenant := success("a", 1), success("a", 1)
	foreignJob.Outcome.Job = "other"
	foreignTenant.Outcome.Tenant = "other"
	noVerdict := success("a", 1)
	noVerdict.Outcome.Verdict = "perhaps"
	both := success("a", 1)
	both.Control = &events.Command{Verb: events.VerbCancel}
	for name, tc := range map[string]struct {
		in   events.Input
		want fault.Code
	}{
		"unknown step":   {success("zz", 1), fault.JobUnknownOutcome},
		"other job":      {foreignJob, fault.JobUnknownOutcome},
		"other tenant":   {foreignTenant, fault.JobUnknownOutcome},
		"no verdict":     {noVerdict, fault.JobUnknownOutcome},
		"no command":     {command("dance"), fault.JobNotAllowed},
		"empty input":    {events.Input{}, fault.InternalBug},
		"two inputs":     {both, fault.InternalBug},
		"nothing to try": {command(events.VerbRetry), fault.JobNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			submit(t, chain("a")).refused(tc.in, tc.want)
		})
	}
}

func TestInputsToNoJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, chain("a"))
	w.refused(success("a", 1), fault.JobUnknownOutcome)
	w.refused(command(events.VerbCancel), fault.JobNotFound)
	w.stale(timer("a", 1, false))
}

func TestOtherVersionOfThePlanIsRefused(t *testing.T) {
	t.Parallel()
	w := submit(t, chain("a"))
	w.plan = chain("a")
	w.plan.Digest = "sha256:newer"
	w.refused(success("a", 1), fault.InternalBug)
	if _, err := flow.Task(w.plan, w.job, work("a", 1), 1); !fault.Has(err, fault.InternalBug) {
		t.Errorf("task: got error %v", err)
	}
	w.stale(submission(w.plan))
}

func TestStaleAnswers(t *testing.T) {
	t.Parallel()
	w := submit(t, chain("a", "b"))
	w.stale(success("a", 0))
	w.stale(success("a", 2))
	w.stale(success("b", 1))
	w.stale(undoAnswer("a", 1, ""))
	w.fail("a", fault.Transient)
	w.stale(success("a", 1))
	w.fire("a")
	w.stale(success("a", 1))
	w.ok("a")
	w.stale(success("a", 2))
	w.ok("b")
	w.wantJob(events.JobCompleted)
	w.stale(success("b", 1))
	w.stale(failure("b", 1, fault.Bug))
	w.stale(submission(w.plan))
}
