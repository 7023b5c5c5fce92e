package flow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// ruledBudget is the largest budget that the rules of stories give.
const ruledBudget = 4

// ruling is what some rule says.
func (s *story) ruling() *events.Ruling {
	g := &events.Ruling{Rule: "r", Revision: 7}
	if s.dice.oneIn("treated", 2) {
		classes := append(fault.Classes(), "rubbish", "")
		g.Class = string(pick(s.dice, "as", classes))
	}
	g.MaxAttempts = s.dice("most", ruledBudget+1)
	g.InitialMS, g.MaxMS = int64(s.dice("initial", 3))*1e12, int64(s.dice("max", 3))*2500
	g.Factor, g.RetryAfterMS = float64(s.dice("factor", 3)), int64(s.dice("wait", 3))*60_000
	if s.dice.oneIn("placed", 3) {
		g.RetryAt = s.now.Add(time.Duration(s.dice("place", 200)-100) * time.Minute)
	}
	return g
}

func TestEveryRuledStoryKeepsTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := dice(func(label string, sides int) int { return rapid.IntRange(0, sides-1).Draw(rt, label) })
		s := newStory(rapidTB{t, rt}, d, coverage{})
		s.rules = true
		s.tell()
	})
}

// ruled is a failure that a rule has spoken about.
func ruled(step string, attempt int, class fault.Class, g events.Ruling) events.Input {
	in := failure(step, attempt, class)
	g.Rule = "r"
	in.Ruling = &g
	return in
}

func TestARulingChangesTheClass(t *testing.T) {
	t.Parallel()
	for class, want := range map[fault.Class]events.StepState{
		fault.DependencyDown: events.StepRetrying, fault.RateLimited: events.StepRetrying,
		fault.Transient: events.StepFailed, fault.Auth: events.StepAttention,
		fault.Policy: events.StepFailed, fault.Unclassified: events.StepAttention,
		"rubbish": events.StepFailed, "": events.StepFailed,
	} {
		w := submit(t, newPlan(flow.Step{ID: "a", Retry: flow.Retry{MaxAttempts: 1}}))
		w.must(ruled("a", 1, fault.Transient, events.Ruling{Class: string(class)}))
		st := w.job.Steps["a"]
		if st.State != want {
			t.Errorf("ruled %q: the step is %s, want %s", class, st.State, want)
		}
		if st.Fault.Class != string(fault.Transient) || st.Ruling == nil || st.Ruling.Class != string(class) {
			t.Errorf("ruled %q: the state keeps %+v and %+v", class, st.Fault, st.Ruling)
		}
	}
}

// A rule does not know whether an effect was done.
func TestARulingSettlesNoEffect(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}))
	w.must(ruled("a", 1, fault.UnknownEffect, events.Ruling{Class: string(fault.Transient)}))
	w.wantStep("a", events.StepAttention)
}

func TestARulingChangesTheBudget(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a", Retry: flow.Retry{MaxAttempts: 2}}))
	for n := 1; n < 4; n++ {
		w.must(ruled("a", n, fault.Timeout, events.Ruling{MaxAttempts: 4}))
		w.wantStep("a", events.StepRetrying)
		w.fire("a")
	}
	w.must(ruled("a", 4, fault.Timeout, events.Ruling{MaxAttempts: 4}))
	w.wantStep("a", events.StepFailed)

	w = submit(t, newPlan(flow.Step{ID: "a", Retry: flow.Retry{MaxAttempts: 9}}))
	w.must(ruled("a", 1, fault.Timeout, events.Ruling{MaxAttempts: 1}))
	w.wantStep("a", events.StepFailed)
}

func TestARulingEndsWithItsAttempt(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a", Retry: flow.Retry{MaxAttempts: 2}}))
	w.must(ruled("a", 1, fault.Policy, events.Ruling{Class: string(fault.DependencyDown)}))
	w.fire("a")
	w.fail("a", fault.Policy)
	w.wantStep("a", events.StepFailed)
	if g := w.job.Steps["a"].Ruling; g != nil {
		t.Errorf("the second failure was not ruled, and the state keeps %+v", g)
	}
	w = submit(t, newPlan(flow.Step{ID: "a"}))
	w.must(ruled("a", 1, fault.Policy, events.Ruling{Class: string(fault.DependencyDown)}))
	w.fire("a")
	w.ok("a")
	if g := w.job.Steps["a"].Ruling; g != nil {
		t.Errorf("the step succeeded, and the state keeps %+v", g)
	}
}

func TestARulingChangesTheWait(t *testing.T) {
	t.Parallel()
	step := flow.Step{ID: "a", Retry: flow.Retry{Initial: time.Second, Max: time.Minute}}
	const hour = int64(3_600_000)
	for name, tc := range map[string]struct {
		ruling      events.Ruling
		least, most time.Duration
	}{
		"none of it":                   {events.Ruling{}, 0, time.Second},
		"a first delay":                {events.Ruling{InitialMS: 10_000}, 0, 10 * time.Second},
		"a first delay above the most": {events.Ruling{InitialMS: hour}, 0, time.Hour},
		"the most":                     {events.Ruling{MaxMS: 10}, 0, 10 * time.Millisecond},
		"a wait":                       {events.Ruling{RetryAfterMS: hour}, time.Hour, 66 * time.Minute},
		"a wait that is too long":      {events.Ruling{RetryAfterMS: 1 << 62}, 24 * time.Hour, 27 * time.Hour},
		"a delay that is too long":     {events.Ruling{InitialMS: 1 << 62}, 0, 24 * time.Hour},
	} {
		w := submit(t, newPlan(step))
		w.entropy = 1 << 63
		w.must(ruled("a", 1, fault.Transient, tc.ruling))
		if d := w.job.Steps["a"].RetryAt.Sub(w.now); d < tc.least-time.Millisecond || d > tc.most {
			t.Errorf("%s: the next attempt is due in %v, want %v to %v", name, d, tc.least, tc.most)
		}
	}
	w := submit(t, newPlan(step))
	at := w.now.Add(7*time.Minute + 123456*time.Nanosecond).In(time.FixedZone("east", 3600))
	w.must(ruled("a", 1, fault.Transient, events.Ruling{RetryAt: at, RetryAfterMS: 5}))
	if got, want := w.job.Steps["a"].RetryAt, at.UTC().Truncate(time.Millisecond); got != want {
		t.Errorf("the place given is %v, want %v", got, want)
	}
	w = submit(t, newPlan(step))
	w.must(ruled("a", 1, fault.Transient, events.Ruling{RetryAt: w.now.Add(-time.Hour)}))
	if got := w.job.Steps["a"].RetryAt; got != w.now.Truncate(time.Millisecond) {
		t.Errorf("a place that has passed is %v, want now", got)
	}
}

func TestARulingSpeaksForAnUndo(t *testing.T) {
	t.Parallel()
	w := submit(t, chain("a", "b"))
	w.ok("a")
	w.must(ruled("b", 1, fault.Transient, events.Ruling{Class: string(fault.Policy)}))
	in := undoAnswer("a", 1, fault.Transient)
	in.Ruling = &events.Ruling{Rule: "r", MaxAttempts: 1}
	w.must(in)
	u := w.job.Steps["a"].Undo
	if u.State != events.UndoAttention || u.Ruling == nil {
		t.Errorf("with a budget of 1 the undo is %+v", u)
	}
	w.command(events.VerbRetry)
	in = undoAnswer("a", 2, fault.Transient)
	in.Ruling = &events.Ruling{Rule: "r", Class: string(fault.DependencyDown), MaxAttempts: 1}
	w.must(in)
	if u := w.job.Steps["a"].Undo; u.State != events.UndoRetrying || u.Spent != 0 {
		t.Errorf("with a class that is free the undo is %+v", u)
	}
	w.must(timer("a", 2, true))
	w.undo("a", "")
	if u := w.job.Steps["a"].Undo; u.Ruling != nil || u.Fault != nil {
		t.Errorf("the undo is done and keeps %+v", u)
	}
}

// A history that a rule has a part in is made again from its records alone, and a
// ruling is part of nothing but an outcome.
func TestReplayWithRulings(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}))
	w.must(ruled("a", 1, fault.Bug, events.Ruling{Class: string(fault.Transient), RetryAt: w.now.Add(time.Hour)}))
	w.fire("a")
	w.ok("a")
	got, err := flow.Replay(w.plan, w.records)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asJSON(t, w.job), asJSON(t, got)); diff != "" {
		t.Errorf("replay differs (-want +got):\n%s", diff)
	}
	w.records[1].Input.Ruling = nil
	if _, err := flow.Replay(w.plan, w.records); !fault.Has(err, fault.InternalBug) {
		t.Errorf("replay without the ruling: %v", err)
	}
	w = submit(t, newPlan(flow.Step{ID: "a"}))
	in := command(events.VerbPause)
	in.Ruling = &events.Ruling{Rule: "r"}
	w.refused(in, fault.InternalBug)
}

// A ruling goes with a success as well, when a rule is asked too early; it says
// nothing then.
func TestARulingOfASuccessSaysNothing(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}))
	in := success("a", 1, file("a"))
	in.Ruling = &events.Ruling{Rule: "r", Class: string(fault.Bug)}
	w.must(in)
	w.wantStep("a", events.StepSucceeded)
	w.wantJob(events.JobCompleted)
}

// The central table answers for every class, and says what the machine does.
func TestPoliciesAreTheMachines(t *testing.T) {
	t.Parallel()
	var classes []fault.Class
	for _, p := range flow.Policies() {
		classes = append(classes, p.Class)
		w := submit(t, newPlan(flow.Step{ID: "a", Retry: flow.Retry{MaxAttempts: 2}}))
		w.fail("a", p.Class)
		if again := w.job.Steps["a"].State == events.StepRetrying; again != p.Again {
			t.Errorf("%s: tried again is %t, the table says %t", p.Class, again, p.Again)
		}
		if p.Again {
			if free := w.job.Steps["a"].Spent == 0; free != p.Free {
				t.Errorf("%s: free is %t, the table says %t", p.Class, free, p.Free)
			}
			w.fire("a")
			w.fail("a", p.Class)
		}
		then := w.job.Steps["a"].State
		if p.Free {
			then = ""
		}
		if then != p.Then {
			t.Errorf("%s: then is %q, the table says %q", p.Class, then, p.Then)
		}
	}
	if diff := cmp.Diff(fault.Classes(), classes); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
}
