package flow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// stuckUndo is a world in which the undo of step a is in attention.
func stuckUndo(t *testing.T, attention flow.Attention) *world {
	t.Helper()
	p := chain("a", "b")
	p.Steps[0].Retry.MaxAttempts = 1
	p.Steps[0].Attention = attention
	w := modern(t, p)
	w.ok("a")
	w.fail("b", fault.Policy)
	w.undo("b", "")
	w.undo("a", fault.Transient)
	w.wantJob(events.JobAttention)
	return w
}

func TestUndoAsksToo(t *testing.T) {
	t.Parallel()
	for choice, want := range map[events.DecisionChoice]events.JobState{
		events.ChooseRetry: events.JobCompensating, events.ChooseAccept: events.JobRolledBack,
		events.ChooseAbandon: events.JobFailed,
	} {
		w := stuckUndo(t, flow.Attention{})
		d := w.undoDecision("a")
		same(t, "id", d.ID, jobID+".a.undo")
		same(t, "choices", d.Choices, []events.DecisionChoice{events.ChooseRetry, events.ChooseAccept, events.ChooseAbandon})
		same(t, "fault", d.Fault.Code, "test.transient")
		w.wantDue(dueItem("a", true, d))
		w.must(choose(d, choice))
		w.wantJob(want)
		same(t, "choice", w.undoDecision("a").Made.Choice, choice)
		same(t, "by", w.undoDecision("a").Made.By, "ann")
		if flow.Final(want) {
			same(t, "outstanding", flow.Outstanding(w.plan, w.job), nil)
			continue
		}
		w.wantRecord(flow.TypeDecisionMade, events.KindJob, "a", 1)
		w.undo("a", fault.Transient)
		same(t, "id", w.undoDecision("a").ID, jobID+".a.undo.2")
	}
}

func TestUndoByDefault(t *testing.T) {
	t.Parallel()
	w := stuckUndo(t, flow.Attention{Default: events.ChooseAccept})
	d := w.undoDecision("a")
	w.must(dueTimer("a", true, d))
	w.wantJob(events.JobRolledBack)
	same(t, "accepted", w.job.Steps["a"].Undo.Accepted, "the default, when due")
	if !w.undoDecision("a").Made.Default {
		t.Error("nobody says that it was the default")
	}
	w.stale(dueTimer("a", true, d))
}

// pair is a job with two steps in attention.
func pair(t *testing.T) *world {
	t.Helper()
	w := modern(t, newPlan(flow.Step{ID: "a"}, flow.Step{ID: "b"}, flow.Step{ID: "c", Critical: true}))
	w.fail("a", fault.Auth)
	w.fail("b", fault.Auth)
	return w
}

// TestDecisionIsAboutOneStep though the command could be about all.
func TestDecisionIsAboutOneStep(t *testing.T) {
	t.Parallel()
	for choice, want := range map[events.DecisionChoice]events.StepState{
		events.ChooseRetry: events.StepQueued, events.ChooseSkip: events.StepSkipped, events.ChooseAbandon: events.StepFailed,
	} {
		w := pair(t)
		w.must(choose(w.decision("a"), choice))
		w.wantRecord(flow.TypeDecisionMade, events.KindStep, "a", 1)
		w.wantStep("a", want)
		w.wantStep("b", events.StepAttention)
		if w.decision("b").Made != nil {
			t.Errorf("%s of a has decided about b", choice)
		}
	}
}

// TestCommandToTheJobClosesItsDecisions as decided by whoever gave it.
func TestCommandToTheJobClosesItsDecisions(t *testing.T) {
	t.Parallel()
	for verb, choice := range map[events.Verb]events.DecisionChoice{
		events.VerbRetry: events.ChooseRetry, events.VerbAbandon: events.ChooseAbandon, events.VerbCancel: events.ChooseCancel,
	} {
		w := pair(t)
		w.command(verb)
		for _, step := range []string{"a", "b"} {
			made := w.decision(step).Made
			if made == nil {
				t.Fatalf("%s leaves the decision about %s open", verb, step)
			}
			same(t, "made", *made, events.DecisionMade{At: made.At, By: "me", Choice: choice, Reason: "because"})
		}
		for _, d := range flow.Outstanding(w.plan, w.job) {
			if d.Limit == events.LimitDecision {
				t.Errorf("after %s there is a timer %+v", verb, d)
			}
		}
	}
}

// TestEndOfTheJobMakesDecisionsMoot: nobody has decided, and nobody needs to.
func TestEndOfTheJobMakesDecisionsMoot(t *testing.T) {
	t.Parallel()
	w := pair(t)
	w.fail("c", fault.Policy)
	made := w.decision("a").Made
	if made == nil {
		t.Fatal("the decision is open")
	}
	same(t, "made", *made, events.DecisionMade{At: made.At, Choice: events.ChooseMoot})
	w.refused(choose(w.decision("a"), events.ChooseRetry), fault.DecisionMade)
}

func TestCancelByDecisionIsOfTheWholeJob(t *testing.T) {
	t.Parallel()
	w := pair(t)
	w.must(choose(w.decision("a"), events.ChooseCancel))
	w.wantRecord(flow.TypeJobCancelling, events.KindJob, "a", 1)
	same(t, "other", w.decision("b").Made.Choice, events.ChooseCancel)
}

// TestPauseAndDecisions: a pause takes no decision away, and lets no default happen.
func TestPauseAndDecisions(t *testing.T) {
	t.Parallel()
	p := newPlan(flow.Step{ID: "a", Attention: flow.Attention{Default: events.ChooseRetry}}, flow.Step{ID: "b"})
	w := modern(t, p)
	w.command(events.VerbPause)
	w.fail("a", fault.Auth)
	d := w.decision("a")
	same(t, "default", d.Default, events.ChooseRetry)
	w.wantDue(dueItem("a", false, d))
	same(t, "choices now", flow.Choices(w.plan, w.job, d), []events.DecisionChoice{
		events.ChooseSkip, events.ChooseAbandon, events.ChooseCancel,
	})
	w.refused(choose(d, events.ChooseRetry), fault.JobNotAllowed)
	w.must(dueTimer("a", false, d))
	w.wantRecord(flow.TypeDecisionOverdue, events.KindStep, "a", 1)
	w.wantStep("a", events.StepAttention)
	w.command(events.VerbResume)
	same(t, "number", w.decision("a").Number, 1)
	w.must(dueTimer("a", false, w.decision("a")))
	w.wantStep("a", events.StepQueued)
	same(t, "overdue", w.decision("a").Overdue, 2)

	w.fail("a", fault.Auth)
	w.command(events.VerbPause)
	w.must(choose(w.decision("a"), events.ChooseSkip))
	w.wantStep("a", events.StepSkipped)
	w.wantJob(events.JobPaused)
}

// TestOldRulesAskNobody: a job of before has no decisions, and goes on as it would.
func TestOldRulesAskNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, chain("a"))
	in := submission(w.plan)
	in.Submit.Rules = 2
	w.must(in)
	w.fail("a", fault.Auth)
	if w.job.Steps["a"].Decision != nil || w.last.Due != nil {
		t.Errorf("job %s, due %v", asJSON(t, w.job), w.last.Due)
	}
	w.refused(choose(events.DecisionRecord{ID: jobID + ".a"}, events.ChooseRetry), fault.DecisionNotFound)
	w.command(events.VerbRetry)
	w.wantRecord(flow.TypeJobRetried, events.KindJob, "", 0)
}

func TestDecisionIDs(t *testing.T) {
	t.Parallel()
	for _, at := range []flow.DecisionPlace{
		{Job: "j", Step: "a", Number: 1},
		{Job: "j", Step: "undo", Number: 1},
		{Job: "j", Step: "undo", Undo: true, Number: 1},
		{Job: "j", Step: "2", Number: 12},
		{Job: "j", Step: "a_b-c", Undo: true, Number: 2},
	} {
		got, ok := flow.ParseDecisionID(flow.DecisionID(at.Job, at.Step, at.Undo, at.Number))
		if !ok {
			t.Errorf("%+v has no id", at)
		}
		same(t, "place", got, at)
	}
	for _, id := range []string{"", "j", "j.", ".a", "j.a.1", "j.a.0", "j.a.-2", "j.a.02", "j.a.undo.x", "j.a.2.undo", "j.a.undo.2.3", "J.a", "j.a.x"} {
		if at, ok := flow.ParseDecisionID(id); ok {
			t.Errorf("%q is taken for %+v", id, at)
		}
	}
}

// TestDecisionRefusesOtherVerbs, which nobody offers.
func TestDecisionRefusesOtherVerbs(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a"))
	w.fail("a", fault.Auth)
	d := w.decision("a")
	for _, verb := range []events.Verb{events.VerbPause, events.VerbResume, events.VerbRollback} {
		w.refused(events.Input{Control: &events.Command{Verb: verb, Decision: d.ID}}, fault.JobNotAllowed)
	}
	w.refused(choose(d, events.ChooseAccept), fault.JobNotAllowed)
	w.refused(choose(events.DecisionRecord{ID: "other.a"}, events.ChooseRetry), fault.DecisionNotFound)
	w.refused(choose(events.DecisionRecord{ID: jobID + ".b"}, events.ChooseRetry), fault.DecisionNotFound)
}

// TestExplainTellsOfTheDecision that is open, and what happens when it is due.
func TestExplainTellsOfTheDecision(t *testing.T) {
	t.Parallel()
	w := stuckUndo(t, flow.Attention{Default: events.ChooseAccept})
	d := w.undoDecision("a")
	r := reasonOf(t, w, "a", true)
	same(t, "until", r.Until, d.DueAt)
	same(t, "next", r.Next, "accept, retry or abandon, by a person: decision job1.a.undo is due at "+
		d.DueAt.Format(time.RFC3339)+", and the default is then to accept")

	w = pair(t)
	w.command(events.VerbPause)
	r = reasonOf(t, w, "a", false)
	if want := ": decision job1.a is due at "; !strings.Contains(r.Next, want) || !r.Until.IsZero() {
		t.Errorf("next %q, until %s", r.Next, r.Until)
	}
}

func reasonOf(t *testing.T, w *world, step string, undo bool) flow.Reason {
	t.Helper()
	for _, r := range flow.Explain(w.plan, w.job) {
		if r.Step == step && r.Undo == undo {
			return r
		}
	}
	t.Fatalf("nothing is said of %s", step)
	return flow.Reason{}
}
