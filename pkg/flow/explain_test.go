package flow_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// checkExplained wants everything that is not settled to say what it waits for, and
// to say what the machine says: its timers, its commands, and its open work.
func (s *story) checkExplained() {
	s.t.Helper()
	due, allowed := flow.Outstanding(s.plan, s.job), flow.Allowed(s.plan, s.job)
	reasons := flow.Explain(s.plan, s.job)
	if len(reasons) < 1+len(s.plan.Steps) {
		s.t.Fatalf("%d reasons of %s", len(reasons), asJSON(s.t, s.job))
	}
	for _, r := range reasons {
		bad := func(what string) { s.t.Fatalf("%s in %+v of %s", what, r, asJSON(s.t, s.job)) }
		for _, text := range []string{r.Why, r.Next} {
			if strings.Contains(text, "  ") || strings.HasSuffix(text, ".") || strings.HasSuffix(text, " ") || strings.HasPrefix(text, ",") {
				bad("no sentence")
			}
		}
		if r.Why == "" || r.State == "" {
			bad("nothing is said")
		}
		if (r.Next == "") != s.settledReason(r) {
			bad("what comes next")
		}
		for _, id := range r.WaitsFor {
			if _, known := s.job.Steps[id]; !known || r.Step == id && !r.Undo {
				bad("waits for " + id)
			}
		}
		for _, c := range r.Choices {
			if !slices.ContainsFunc(allowed, func(a events.Choice) bool { return cmp.Equal(a, c) }) {
				bad("a choice that is none")
			}
		}
		if !r.Until.IsZero() && s.job.State != events.JobPaused &&
			!slices.ContainsFunc(due, func(d events.DueItem) bool { return d.Kind == events.DueTimer && d.At.Equal(r.Until) }) {
			bad("a timer that does not run")
		}
	}
	for _, d := range moving(due) {
		undo := d.Undo || d.Kind == events.DueUndo
		if !slices.ContainsFunc(reasons, func(r flow.Reason) bool {
			return r.Step == d.Step && r.Undo == undo && r.Until.Equal(d.At) && r.Next != ""
		}) {
			s.t.Fatalf("%+v is not explained: %+v", d, reasons)
		}
	}
}

// settledReason reports whether nothing moves what a reason is about.
func (s *story) settledReason(r flow.Reason) bool {
	st := s.job.Steps[r.Step]
	switch {
	case flow.Final(s.job.State):
		return true
	case r.Step == "":
		return false
	case r.Undo:
		return st.Undo != nil && st.Undo.State == events.UndoDone
	}
	switch st.State {
	case events.StepSucceeded, events.StepFailed, events.StepSkipped, events.StepCancelled:
		return true
	}
	return false
}

func TestExplainSaysWhyAndWhatNext(t *testing.T) {
	t.Parallel()
	p := newPlan(
		flow.Step{ID: "a", Critical: true, Compensable: true, Retry: flow.Retry{MaxAttempts: 2}},
		flow.Step{ID: "b", Needs: []string{"a"}},
		flow.Step{ID: "c"},
	)
	for name, tc := range map[string]struct {
		do   func(w *world)
		want []string
	}{
		"accepted": {func(*world) {}, []string{
			"job accepted: steps a and c are with a stage, or on the way there -> the answer of a stage",
			"a queued: attempt 1 is with stage work@1, or on the way there -> the answer of the stage",
			"b pending: it needs step a, which has not ended -> the end of step a",
			"c queued: attempt 1 is with stage work@1, or on the way there -> the answer of the stage",
		}},
		"waiting": {func(w *world) { w.ok("c"); w.fail("a", fault.Timeout) }, []string{
			"job waiting: nothing is with a stage, and what is left waits for its next attempt -> step a is due again at TIME",
			"a retrying: attempt 1 failed, which was failure 1 of at most 2: a (test.timeout) -> attempt 2 is due at TIME",
			"b pending: it needs step a, which has not ended -> the end of step a",
			"c succeeded: attempt 1 succeeded",
		}},
		"a dependency": {func(w *world) { w.ok("c"); w.fail("a", fault.DependencyDown); w.command(events.VerbPause) }, []string{
			"job paused: a person paused it: because -> resume, by a person",
			"a retrying: attempt 1 failed, which does not count: a (test.dependency_down) -> attempt 2 is due at TIME, once the job is resumed",
			"b pending: it needs step a, which has not ended -> the end of step a",
			"c succeeded: attempt 1 succeeded",
		}},
		"attention": {func(w *world) { w.ok("c"); w.lose("a", "order") }, []string{
			"job attention: step a needs a person, and nothing else moves -> abandon, cancel, pause, retry or skip, by a person",
			"a attention: attempt 1 failed, and nobody can tell whether effect order was done: a (test.unknown_effect) -> retry, skip or abandon, by a person: decision job1.a is due at TIME, and is then asked again",
			"b pending: it needs step a, which has not ended -> the end of step a",
			"c succeeded: attempt 1 succeeded",
		}},
		"rolled back": {func(w *world) { w.fail("c", fault.Bug); w.fail("a", fault.Policy); w.undo("a", "") }, []string{
			"job rolled_back: critical step a failed: a (test.policy), and what it did is taken back",
			"a failed: attempt 1 failed, and trying again does not help class policy: a (test.policy); the job cannot go on without it",
			"a undo done: its effects are taken back",
			"b cancelled: the job was ended before it: critical step a failed: a (test.policy)",
			"c cancelled: the job was ended before it: critical step a failed: a (test.policy)",
		}},
		"a rollback": {func(w *world) { w.ok("a"); w.ok("b"); w.fail("c", fault.DataQuality); w.must(w.rollback()) }, []string{
			"job compensating: a person rolled it back: because, and what it did is taken back, last first -> the undo of step a",
			"a succeeded: attempt 1 succeeded",
			"a undo queued: attempt 1 to take its effects back is with stage work@1, or on the way there -> the answer of the stage",
			"b succeeded: attempt 1 succeeded",
			"c failed: attempt 1 failed, and trying again does not help class data_quality: c (test.data_quality); the job goes on without it",
		}},
		"given up": {func(w *world) { w.fail("c", fault.Auth); w.command(events.VerbAbandon); w.ok("a") }, []string{
			"job running: step b is with a stage, or on the way there -> the answer of a stage",
			"a succeeded: attempt 1 succeeded",
			"b queued: attempt 1 is with stage work@1, or on the way there -> the answer of the stage",
			"c failed: a person gave it up after attempt 1: c (test.auth); the job goes on without it",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := modern(t, p)
			tc.do(w)
			if diff := cmp.Diff(tc.want, explained(w)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", asJSON(t, w.job), diff)
			}
		})
	}
}

// explained writes the reasons as lines.
func explained(w *world) []string {
	var lines []string
	for _, r := range flow.Explain(w.plan, w.job) {
		line := r.Step
		if line == "" {
			line = "job"
		}
		if r.Undo {
			line += " undo"
		}
		line += " " + r.State + ": " + r.Why
		if r.Next != "" {
			line += " -> " + r.Next
		}
		if !r.Until.IsZero() {
			line = strings.ReplaceAll(line, r.Until.UTC().Format("2006-01-02T15:04:05Z"), "TIME")
		}
		for id, st := range w.job.Steps {
			if d := st.Decision; d != nil {
				line = strings.ReplaceAll(line, d.DueAt.UTC().Format("2006-01-02T15:04:05Z"), "TIME")
			}
			if id == r.Step {
				line = strings.ReplaceAll(line, st.RetryAt.UTC().Format("2006-01-02T15:04:05Z"), "TIME")
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func TestExplainNamesTheRuleThatHadItsSay(t *testing.T) {
	t.Parallel()
	w := modern(t, newPlan(flow.Step{ID: "a"}))
	ruled := func(class fault.Class, g events.Ruling) {
		in := failure("a", w.job.Steps["a"].Attempt, class)
		in.Ruling = &g
		w.must(in)
	}
	ruled(fault.Policy, events.Ruling{Rule: "crm", Class: string(fault.DependencyDown)})
	want := "a retrying: attempt 1 failed, which does not count by rule crm: a (test.policy) -> attempt 2 is due at TIME"
	if got := explained(w)[1]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w.fire("a")
	ruled(fault.Timeout, events.Ruling{Rule: "patient", MaxAttempts: 9})
	want = "a retrying: attempt 2 failed, which was failure 1 of at most 9 by rule patient: a (test.timeout) -> attempt 3 is due at TIME"
	if got := explained(w)[1]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w.fire("a")
	ruled(fault.Timeout, events.Ruling{Rule: "stop", Class: string(fault.Auth)})
	want = "a attention: attempt 3 failed, and class auth by rule stop is for a person: a (test.timeout) -> retry, skip or abandon, by a person: " +
		"decision job1.a is due at TIME, and is then asked again"
	if got := explained(w)[1]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingIsExplainedOfNoJob(t *testing.T) {
	t.Parallel()
	if got := flow.Explain(chain("a"), events.Job{}); got != nil {
		t.Errorf("got %+v", got)
	}
}

// BenchmarkExplain shows what it costs to explain a job of a hundred steps, and to
// list what it takes.
func BenchmarkExplain(b *testing.B) {
	plan := newPlan()
	for i := range 100 {
		plan.Steps = append(plan.Steps, flow.Step{ID: "s" + strings.Repeat("x", i), Stage: "work@1"})
	}
	w := submit(b, plan)
	b.ReportAllocs()
	for b.Loop() {
		if len(flow.Explain(w.plan, w.job)) != 101 {
			b.Fatal("no reasons")
		}
	}
}

// TestExplainCountsTheAttemptsThatAreLeft follows a budget of three to its end.
func TestExplainCountsTheAttemptsThatAreLeft(t *testing.T) {
	t.Parallel()
	p := newPlan(
		flow.Step{ID: "a", Critical: true, Retry: flow.Retry{MaxAttempts: 3}},
		flow.Step{ID: "b", Needs: []string{"a"}},
	)
	w := submit(t, p)
	left := func(want ...int) {
		t.Helper()
		var got []int
		for _, r := range flow.Explain(p, w.job) {
			if r.Step != "" {
				got = append(got, r.AttemptsLeft)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	left(3, flow.DefaultRetry.MaxAttempts)
	w.fail("a", fault.DependencyDown) // which does not count
	left(3, flow.DefaultRetry.MaxAttempts)
	w.fire("a")
	w.fail("a", fault.Timeout)
	left(2, flow.DefaultRetry.MaxAttempts)
	w.fire("a")
	w.ok("a")
	left(0, flow.DefaultRetry.MaxAttempts)
	w.ok("b")
	left(0, 0)
}
