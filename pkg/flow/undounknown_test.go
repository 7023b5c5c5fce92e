package flow_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// loseUndo answers the undo of a step with an effect that nobody can tell of.
func (w *world) loseUndo(step, effect string) flow.Transition {
	w.t.Helper()
	in := undoAnswer(step, w.job.Steps[step].Undo.Attempt, fault.UnknownEffect)
	in.Outcome.Effect = effect
	return w.must(in)
}

// undoingBy is a job that fails, and whose step a is taken back, by those rules.
func undoingBy(t *testing.T, rules int) *world {
	t.Helper()
	w := byRules(t, newPlan(
		flow.Step{ID: "a", Compensable: true, Retry: flow.Retry{MaxAttempts: 3}},
		flow.Step{ID: "b", Needs: []string{"a"}, Critical: true},
	), rules)
	w.ok("a")
	w.fail("b", fault.Policy)
	return w
}

// TestUnknownUndoAsksAtOnce: another try could not tell either whether the effect is
// gone. What a person says of it goes with the next try.
func TestUnknownUndoAsksAtOnce(t *testing.T) {
	t.Parallel()
	w := undoingBy(t, flow.Rules)
	w.undo("a", fault.Transient)
	w.must(timer("a", 1, true))
	w.loseUndo("a", "undo:0")
	w.wantRecord(flow.TypeJobAttention, events.KindJob, "a", 2)
	u, d := *w.job.Steps["a"].Undo, w.undoDecision("a")
	if u.State != events.UndoAttention || u.Attempt != 2 || u.Spent != 1 {
		t.Errorf("the undo stands at %+v", u)
	}
	w.wantDue(dueItem("a", true, d))
	same(t, "choices", d.Choices, []events.DecisionChoice{
		events.ChooseEffectDone, events.ChooseEffectNotDone, events.ChooseAccept, events.ChooseAbandon,
	})
	said := false
	for _, r := range flow.Explain(w.plan, w.job) {
		said = said || r.Undo && strings.Contains(r.Why, "and nobody can tell whether effect undo:0 was done: ")
	}
	if !said {
		t.Errorf("it is explained as %+v", flow.Explain(w.plan, w.job))
	}
	w.refused(command(events.VerbRetry), fault.JobNotAllowed)
	w.must(choose(d, events.ChooseEffectDone))
	w.wantDue(undoing("a", 3))
	if st := w.job.Steps["a"]; st.Settle != events.SettleDone || st.Undo.Spent != 0 {
		t.Errorf("the next try is %+v with %+v", st, st.Undo)
	}
	w.undo("a", "")
	w.wantJob(events.JobRolledBack)
}

// TestUnknownUndoOfAStepThatIsNotMissed: the job goes on without the step, and only
// the undo waits for a person.
func TestUnknownUndoOfAStepThatIsNotMissed(t *testing.T) {
	t.Parallel()
	w := modern(t, newPlan(flow.Step{ID: "a", Compensable: true}, flow.Step{ID: "b"}))
	w.fail("a", fault.Policy)
	w.loseUndo("a", "undo:0")
	if u := w.job.Steps["a"].Undo; u.State != events.UndoAttention || u.Attempt != 1 || u.Spent != 0 {
		t.Errorf("the undo stands at %+v", u)
	}
	w.wantJob(events.JobRunning)
	w.ok("b")
	w.wantJob(events.JobAttention)
	w.must(settle(events.SettleNotDone))
	w.undo("a", "")
	w.wantJob(events.JobPartial)
}

// TestUnknownUndoAsARuleSays: no rule of an operator can tell what was done.
func TestUnknownUndoAsARuleSays(t *testing.T) {
	t.Parallel()
	w := undoingBy(t, flow.Rules)
	in := undoAnswer("a", 1, fault.UnknownEffect)
	in.Ruling = &events.Ruling{Rule: "r", Class: string(fault.Transient), MaxAttempts: 9}
	w.must(in)
	w.wantJob(events.JobAttention)
}

// TestUnknownUndoOfOldJobs is tried again in the budget, as it was.
func TestUnknownUndoOfOldJobs(t *testing.T) {
	t.Parallel()
	for rules := 1; rules < 3; rules++ {
		w := undoingBy(t, rules)
		for attempt := 1; attempt < 3; attempt++ {
			w.loseUndo("a", "undo:0")
			w.wantRecord(flow.TypeUndoRetryScheduled, events.KindUndo, "a", attempt)
			w.must(timer("a", attempt, true))
		}
		w.loseUndo("a", "undo:0")
		w.wantRecord(flow.TypeJobAttention, events.KindJob, "a", 3)
		if u := w.job.Steps["a"].Undo; u.Spent != 3 {
			t.Errorf("rules %d: the undo stands at %+v", rules, u)
		}
	}
}
