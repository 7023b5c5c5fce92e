package flow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// decision returns the one of a step that is open or was made last.
func (w *world) decision(step string) events.DecisionRecord {
	w.t.Helper()
	d := w.job.Steps[step].Decision
	if d == nil {
		w.t.Fatalf("nobody was asked about %s: %s", step, asJSON(w.t, w.job))
	}
	return *d
}

func (w *world) undoDecision(step string) events.DecisionRecord {
	w.t.Helper()
	if u := w.job.Steps[step].Undo; u != nil && u.Decision != nil {
		return *u.Decision
	}
	w.t.Fatalf("nobody was asked about the undo of %s: %s", step, asJSON(w.t, w.job))
	return events.DecisionRecord{}
}

// choose makes a decision as a person does.
func choose(d events.DecisionRecord, c events.DecisionChoice) events.Input {
	cmd, _ := flow.Choosing(d.ID, c)
	cmd.By, cmd.Reason = "ann", "because"
	return events.Input{Control: &cmd}
}

// dueTimer is the timer of a decision.
func dueTimer(step string, undo bool, d events.DecisionRecord) events.Input {
	in := timer(step, d.Asked, undo)
	in.Timer.Limit = events.LimitDecision
	return in
}

func dueItem(step string, undo bool, d events.DecisionRecord) events.DueItem {
	return events.DueItem{
		Kind: events.DueTimer, Step: step, Attempt: d.Asked, At: d.DueAt, Undo: undo, Limit: events.LimitDecision,
	}
}

func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

func TestDecisionSaysWhatIsToBeKnown(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a", "b"))
	w.must(resumption("a", 1, 7))
	w.lose("a", "order")
	w.wantRecord(flow.TypeJobAttention, events.KindJob, "a", 1)
	d := w.decision("a")
	same(t, "decision", d, events.DecisionRecord{
		ID: jobID + ".a", Number: 1, OpenedAt: d.OpenedAt, Attempts: 1, Asked: 1,
		Fault:      w.job.Steps["a"].Fault,
		Checkpoint: &events.DecisionPlace{Number: 3, Done: 48, Total: 51},
		Choices: []events.DecisionChoice{
			events.ChooseEffectDone, events.ChooseEffectNotDone, events.ChooseForceSkip, events.ChooseAbandon,
			events.ChooseCancel,
		},
		DueAt: d.OpenedAt.Add(72 * time.Hour), Default: events.ChooseRemind,
	})
	same(t, "code", d.Fault.Code, "test.unknown_effect")
	w.wantDue(dueItem("a", false, d))
	same(t, "outstanding", flow.Outstanding(w.plan, w.job), []events.DueItem{dueItem("a", false, d)})
	for _, c := range d.Choices {
		if flow.Means(c) == "" {
			t.Errorf("%s means nothing", c)
		}
	}
}

func TestPersonDecidesBeforeItIsDue(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a"))
	w.lose("a", "order")
	d := w.decision("a")
	w.must(choose(d, events.ChooseEffectNotDone))
	w.wantRecord(flow.TypeDecisionMade, events.KindJob, "a", 1)
	w.wantJob(events.JobRunning)
	w.wantDue(work("a", 2))
	same(t, "settled", w.job.Steps["a"].Settle, events.SettleNotDone)
	made := w.decision("a").Made
	same(t, "made", made, &events.DecisionMade{
		At: made.At, By: "ann", Choice: events.ChooseEffectNotDone, Reason: "because",
	})
	w.stale(dueTimer("a", false, d))
	w.refused(choose(d, events.ChooseEffectDone), fault.DecisionMade)
	w.ok("a")
	w.wantJob(events.JobCompleted)
	w.refused(choose(d, events.ChooseCancel), fault.DecisionMade)
}

func TestSamePlaceAsksAgain(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a"))
	w.fail("a", fault.Auth)
	first := w.decision("a")
	w.must(choose(first, events.ChooseRetry))
	w.fail("a", fault.Auth)
	second := w.decision("a")
	same(t, "id", second.ID, first.ID+".2")
	same(t, "asked", second.Asked, 2)
	w.refused(choose(first, events.ChooseRetry), fault.DecisionMade)
	w.stale(dueTimer("a", false, first))
	none := second
	none.ID = first.ID + ".3"
	w.refused(choose(none, events.ChooseRetry), fault.DecisionNotFound)
	w.must(choose(second, events.ChooseForceSkip))
	w.undo("a", "")
	w.wantJob(events.JobCompleted)
	same(t, "choice", w.decision("a").Made.Choice, events.ChooseForceSkip)
}

func TestReminderComesLaterAndLater(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a"))
	w.fail("a", fault.Auth)
	var days []float64
	for range 5 {
		d := w.decision("a")
		w.now = d.DueAt
		w.must(dueTimer("a", false, d))
		w.wantRecord(flow.TypeDecisionOverdue, events.KindStep, "a", 1)
		w.wantJob(events.JobAttention)
		w.stale(dueTimer("a", false, d))
		next := w.decision("a")
		w.wantDue(dueItem("a", false, next))
		same(t, "overdue", next.Overdue, d.Overdue+1)
		same(t, "id", next.ID, d.ID)
		days = append(days, next.DueAt.Sub(w.now).Round(time.Hour).Hours()/24)
	}
	same(t, "days", days, []float64{6, 7, 7, 7, 7})
	w.must(choose(w.decision("a"), events.ChooseRetry))
	w.fail("a", fault.Auth)
	same(t, "overdue after a person", w.decision("a").Overdue, 0)
	if _, err := flow.Replay(w.plan, w.records); err != nil {
		t.Error(err)
	}
}

// TestDefaultIsTaken lets the time of a decision pass, for every default.
func TestDefaultIsTaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		choice   events.DecisionChoice
		critical bool
		state    events.JobState
		typ      string
	}{
		{events.ChooseRetry, true, events.JobRunning, flow.TypeDecisionMade},
		{events.ChooseSkip, false, events.JobRunning, flow.TypeDecisionMade}, // it is undone
		{events.ChooseAbandon, true, events.JobCompensating, flow.TypeJobCompensating},
		{events.ChooseAbandon, false, events.JobRunning, flow.TypeDecisionMade}, // it is undone
		{events.ChooseCancel, true, events.JobCompensating, flow.TypeJobCompensating},
	} {
		p := chain("a")
		p.Steps[0].Critical = c.critical
		p.Steps[0].Attention = flow.Attention{Due: time.Hour, Default: c.choice}
		w := modern(t, p)
		w.fail("a", fault.Auth)
		d := w.decision("a")
		same(t, "default", d.Default, c.choice)
		same(t, "due", d.DueAt, d.OpenedAt.Add(time.Hour))
		w.must(dueTimer("a", false, d))
		w.wantRecord(c.typ, events.KindJob, "a", 1)
		w.wantJob(c.state)
		made := w.decision("a").Made
		same(t, "made", made, &events.DecisionMade{
			At: made.At, By: "default", Choice: c.choice, Reason: "the default, when due", Default: true,
		})
		w.refused(choose(d, c.choice), fault.DecisionMade)
	}
}

// TestDefaultRetrySlowsDown: each time that nobody has decided, the next decision of
// the place waits longer.
func TestDefaultRetrySlowsDown(t *testing.T) {
	t.Parallel()
	p := chain("a")
	p.Steps[0].Attention = flow.Attention{Due: time.Hour, Default: events.ChooseRetry}
	w := modern(t, p)
	var hours []float64
	for range 4 {
		w.fail("a", fault.Auth)
		d := w.decision("a")
		hours = append(hours, d.DueAt.Sub(d.OpenedAt).Hours())
		w.must(dueTimer("a", false, d))
	}
	same(t, "hours", hours, []float64{1, 2, 4, 8})
}

// TestDefaultThatCannotBe asks again instead.
func TestDefaultThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, choice := range []events.DecisionChoice{events.ChooseRetry, events.ChooseAccept, events.ChooseSkip} {
		p := chain("a")
		p.Steps[0].Attention.Default = choice
		w := modern(t, p)
		w.lose("a", "order")
		same(t, "default", w.decision("a").Default, events.ChooseRemind)
		w.must(dueTimer("a", false, w.decision("a")))
		w.wantRecord(flow.TypeDecisionOverdue, events.KindStep, "a", 1)
		w.wantJob(events.JobAttention)
	}
}
