package flow

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// reachable returns the states that lead from the empty one, and those that
// nothing leaves.
func reachable[S, E ~string](t *testing.T, moves map[S]map[E]S) (all, ends []S) {
	t.Helper()
	seen := map[S]bool{"": true}
	for todo := []S{""}; len(todo) > 0; {
		from := todo[0]
		todo = todo[1:]
		next, declared := moves[from]
		if !declared {
			t.Errorf("state %q has no row", from)
		}
		if len(next) == 0 {
			ends = append(ends, from)
		}
		for _, to := range next {
			if !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
	delete(seen, "")
	slices.Sort(ends)
	return sortedKeys(seen), ends
}

func check[S, E ~string](t *testing.T, moves map[S]map[E]S, states, final []S) {
	t.Helper()
	all, ends := reachable(t, moves)
	slices.Sort(states)
	slices.Sort(final)
	if diff := cmp.Diff(states, all); diff != "" {
		t.Errorf("reachable states differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(final, ends); diff != "" {
		t.Errorf("dead ends differ (-want +got):\n%s", diff)
	}
	if got := len(moves); got != len(states)+1 {
		t.Errorf("the table has %d rows for %d states", got, len(states))
	}
}

func TestMachinesReachEveryStateAndOnlyEndInFinalOnes(t *testing.T) {
	t.Parallel()
	final := []events.JobState{
		events.JobCompleted, events.JobPartial, events.JobFailed, events.JobCancelled, events.JobRolledBack,
	}
	check(t, jobMoves, append([]events.JobState{
		events.JobAccepted, events.JobRunning, events.JobWaiting, events.JobAttention, events.JobPaused,
		events.JobCancelling, events.JobCompensating,
	}, final...), []events.JobState{events.JobFailed, events.JobCancelled, events.JobRolledBack})
	done := []events.StepState{
		events.StepSucceeded, events.StepFailed, events.StepSkipped, events.StepCancelled,
	}
	check(t, stepMoves, append([]events.StepState{
		events.StepPending, events.StepQueued, events.StepRetrying, events.StepAttention,
	}, done...), done)
	check(t, undoMoves, []events.UndoState{
		events.UndoQueued, events.UndoRetrying, events.UndoAttention, events.UndoDone,
	}, []events.UndoState{events.UndoDone})
}

func TestFinalAndMoves(t *testing.T) {
	t.Parallel()
	for s := range jobMoves {
		moves := Moves(s)
		ended := len(moves) == 0 || len(moves) == 1 && moves[0] == JobRollbackAsked
		if got, want := Final(s), ended; got != want {
			t.Errorf("Final(%q) is %t, with moves %v", s, got, Moves(s))
		}
	}
	if Final("no such state") || Final(jobNew) {
		t.Error("what is no state is final")
	}
	want := []JobEvent{JobCancelAsked, JobPauseAsked, JobResumed}
	if diff := cmp.Diff(want, Moves(events.JobWaiting)); diff != "" {
		t.Errorf("moves differ (-want +got):\n%s", diff)
	}
}

func TestMoveThatNoMachineHasIsABug(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(c *change){
		"job":  func(c *change) { c.moveJob(JobUndone) },
		"step": func(c *change) { c.moveStep(&events.Step{State: events.StepFailed}, StepDue) },
		"undo": func(c *change) { c.moveUndo(&events.StepUndo{State: events.UndoDone}, UndoDue) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChange(&Plan{}, events.Job{State: events.JobRunning}, Env{})
			move(c)
			first := c.err
			if !fault.Has(first, fault.InternalBug) {
				t.Fatalf("got error %v", first)
			}
			if c.job.State != events.JobRunning {
				t.Errorf("the job moved to %s", c.job.State)
			}
			c.moveJob(JobSubmitted)
			if c.err != first {
				t.Error("a later bug hides the first")
			}
		})
	}
}

func TestCorruptStateIsABugAndNotAPanic(t *testing.T) {
	t.Parallel()
	p := &Plan{Name: "p", Digest: "d", Steps: []Step{{ID: "a", Stage: "s@1"}}}
	j := events.Job{
		ID: "j", State: events.JobCompleted, Pipeline: events.PipelineRef{Name: "p", Digest: "d"},
		Steps: map[string]events.Step{"a": {State: events.StepQueued, Attempt: 1}},
	}
	in := events.Input{Outcome: &events.AttemptOutcome{
		Job: "j", Step: "a", Attempt: 1, Verdict: events.VerdictSucceeded,
	}}
	tr, err := Apply(p, j, in, Env{})
	if !fault.Has(err, fault.InternalBug) || tr.Changed {
		t.Errorf("got changed %t, error %v", tr.Changed, err)
	}
	if j.Steps["a"].State != events.StepQueued {
		t.Error("the argument was changed")
	}
}

func TestPoliciesAnswerForEveryClass(t *testing.T) {
	t.Parallel()
	for _, class := range []fault.Class{
		fault.Unclassified, fault.Transient, fault.RateLimited, fault.DependencyDown, fault.Timeout,
		fault.Resource, fault.DataQuality, fault.SchemaMismatch, fault.Policy, fault.Auth,
		fault.Poison, fault.Conflict, fault.UnknownEffect, fault.Cancelled, fault.Bug,
	} {
		p, ok := policies[class]
		if !ok || !p.free && p.then == "" || p.free && !p.again {
			t.Errorf("class %s: policy %+v", class, p)
		}
	}
}

func TestEventTypesAreListedOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range EventTypes() {
		if seen[e.Name] || e.Text == "" {
			t.Errorf("type %+v is listed twice or has no text", e)
		}
		seen[e.Name] = true
	}
	for s, name := range entryTypes {
		if !seen[name] {
			t.Errorf("type %s of state %s is not listed", name, s)
		}
	}
	for on, name := range failureTypes {
		if !seen[name] {
			t.Errorf("type %s of %s is not listed", name, on)
		}
	}
	if got, want := len(entryTypes), len(jobMoves)-1; got != want {
		t.Errorf("%d states have a type, want %d", got, want)
	}
}
