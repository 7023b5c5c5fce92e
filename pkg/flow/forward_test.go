package flow_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

func TestSubmissionMakesTheJob(t *testing.T) {
	t.Parallel()
	p := newPlan(
		flow.Step{ID: "a"}, flow.Step{ID: "b"}, flow.Step{ID: "c", Needs: []string{"a", "b"}},
	)
	w := submit(t, p)
	w.wantRecord(flow.TypeJobAccepted, events.KindJob, "", 0)
	w.wantDue(work("a", 1), work("b", 1))
	want := events.Job{
		ID:          jobID,
		Tenant:      tenant,
		Pipeline:    events.PipelineRef{Name: "p", Digest: "sha256:p"},
		State:       events.JobAccepted,
		Key:         "k",
		Fingerprint: "sha256:f",
		Files:       []events.Source{{Name: "a.txt", Digest: "sha256:a", Size: 1, MediaType: "text/plain"}},
		Params:      json.RawMessage(`{"n":1}`),
		Labels:      map[string]string{"team": "a"},
		Traceparent: "00-1",
		Steps: map[string]events.Step{
			"a": {State: events.StepQueued, Stage: "work@1", Attempt: 1},
			"b": {State: events.StepQueued, Stage: "work@1", Attempt: 1},
			"c": {State: events.StepPending, Stage: "work@1"},
		},
		AcceptedAt: time.Date(2026, 11, 20, 10, 0, 0, int(time.Millisecond), time.UTC),
	}
	if diff := cmp.Diff(want, w.job); diff != "" {
		t.Errorf("job differs (-want +got):\n%s", diff)
	}
	w.stale(submission(p))
}

func TestSubmissionOfAnotherPlanIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, chain("a"))
	in := submission(w.plan)
	in.Submit.Pipeline.Digest = "sha256:other"
	w.refused(in, fault.InternalBug)
}

func TestChainRunsToItsEnd(t *testing.T) {
	t.Parallel()
	w := submit(t, chain("a", "b", "c"))

	w.ok("a")
	w.wantRecord(flow.TypeJobRunning, events.KindJob, "a", 1)
	w.wantDue(work("b", 1))
	w.wantJob(events.JobRunning)

	w.ok("b")
	w.wantRecord(flow.TypeStepSucceeded, events.KindStep, "b", 1)
	w.wantDue(work("c", 1))

	w.ok("c")
	w.wantRecord(flow.TypeJobCompleted, events.KindJob, "c", 1)
	w.wantDue()
	want := &events.JobOutcome{
		State:      events.JobCompleted,
		FinishedAt: w.now.Truncate(time.Millisecond),
		Outputs:    map[string][]events.File{"c": {file("c")}},
	}
	if diff := cmp.Diff(want, flow.Outcome(w.job)); diff != "" {
		t.Errorf("outcome differs (-want +got):\n%s", diff)
	}
	step := events.Step{
		State: events.StepSucceeded, Stage: "work@1", Attempt: 1, Order: 2, Logic: "v1",
		Files: []events.File{file("b")}, Findings: map[string]string{"by": "b"},
	}
	if diff := cmp.Diff(step, w.job.Steps["b"]); diff != "" {
		t.Errorf("step differs (-want +got):\n%s", diff)
	}
}

func TestLiveJobHasNoOutcome(t *testing.T) {
	t.Parallel()
	if got := flow.Outcome(submit(t, chain("a")).job); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestWhenFalsePassesInputsOn(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "a"},
		flow.Step{ID: "b", Needs: []string{"a"}, When: always(false)},
		flow.Step{ID: "c", Needs: []string{"b"}, When: always(true)},
	))
	w.ok("a")
	w.wantDue(work("c", 1))
	b := w.job.Steps["b"]
	want := events.Step{
		State: events.StepSkipped, Stage: "work@1", Reason: flow.ReasonWhenFalse,
		Files: []events.File{file("a")},
	}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Errorf("step differs (-want +got):\n%s", diff)
	}
	w.ok("c")
	w.wantJob(events.JobCompleted)
}

func TestSubmissionThatSettlesEverythingEndsTheJob(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step flow.Step
		want events.JobState
		typ  string
	}{
		"skipped":       {flow.Step{When: always(false), Critical: true}, events.JobCompleted, flow.TypeJobCompleted},
		"failed":        {flow.Step{When: broken()}, events.JobPartial, flow.TypeJobPartial},
		"critical fail": {flow.Step{When: broken(), Critical: true}, events.JobFailed, flow.TypeJobFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.step.ID = "a"
			w := submit(t, newPlan(tc.step))
			w.wantJob(tc.want)
			w.wantRecord(tc.typ, events.KindJob, "", 0)
			w.wantDue()
		})
	}
}

func TestConditionSeesTheFacts(t *testing.T) {
	t.Parallel()
	var got []string
	see := condition(func(f flow.Facts) (bool, error) {
		got = append(got, f.Step, f.Job.ID, f.Job.Steps["a"].Findings["by"])
		for _, x := range f.Files {
			got = append(got, x.Name)
		}
		return true, nil
	})
	w := submit(t, newPlan(
		flow.Step{ID: "a"}, flow.Step{ID: "b"},
		flow.Step{ID: "c", Needs: []string{"b", "a"}, When: see},
	))
	w.ok("a")
	w.ok("b")
	if diff := cmp.Diff([]string{"c", jobID, "a", "b", "a"}, got); diff != "" {
		t.Errorf("facts differ (-want +got):\n%s", diff)
	}
}

func TestFailedExpressionFailsTheStep(t *testing.T) {
	t.Parallel()
	noConfig := template(func(flow.Facts) (json.RawMessage, error) {
		return nil, fault.New(fault.PipelineExpressionFailed, "params.level", errExpression)
	})
	for name, tc := range map[string]struct {
		step flow.Step
		want string
	}{
		"when": {
			flow.Step{When: broken()},
			"an expression of the pipeline could not be evaluated: when of step b: no such key",
		},
		"with": {
			flow.Step{With: noConfig},
			"an expression of the pipeline could not be evaluated: with of step b: params.level: no such key",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.step.ID, tc.step.Needs = "b", []string{"a"}
			w := submit(t, newPlan(flow.Step{ID: "a"}, tc.step))
			w.ok("a")
			w.wantStep("b", events.StepFailed)
			w.wantJob(events.JobPartial)
			want := &events.Fault{
				Code:    string(fault.PipelineExpressionFailed),
				Class:   string(fault.DataQuality),
				Message: tc.want,
				Hint:    fault.PipelineExpressionFailed.Info().Hint,
			}
			if diff := cmp.Diff(want, w.job.Steps["b"].Fault); diff != "" {
				t.Errorf("fault differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNonCriticalFailureLeavesAPartialJob(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(
		flow.Step{ID: "a"},
		flow.Step{ID: "b"},
		flow.Step{ID: "both", Needs: []string{"a", "b"}, Critical: true},
		flow.Step{ID: "only", Needs: []string{"a"}, Critical: true},
		flow.Step{ID: "after", Needs: []string{"only"}, Critical: true},
	))
	w.fail("a", fault.DataQuality)
	w.wantRecord(flow.TypeJobRunning, events.KindJob, "a", 1)
	w.wantStep("a", events.StepFailed)
	for _, id := range []string{"only", "after"} {
		w.wantStep(id, events.StepSkipped)
		if got := w.job.Steps[id].Reason; got != flow.ReasonNeedsFailed {
			t.Errorf("step %s: reason %q", id, got)
		}
	}
	w.wantStep("both", events.StepPending)
	w.ok("b")
	w.wantDue(work("both", 1))
	task, err := flow.Task(w.plan, w.job, work("both", 1), 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]events.File{file("b")}, task.Files); diff != "" {
		t.Errorf("inputs differ (-want +got):\n%s", diff)
	}
	w.ok("both")
	w.wantJob(events.JobPartial)
	if diff := cmp.Diff([]string{"a", "only", "after"}, w.job.Missing); diff != "" {
		t.Errorf("missing differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]events.File{"both": {file("both")}}, w.job.Outputs); diff != "" {
		t.Errorf("outputs differ (-want +got):\n%s", diff)
	}
	if w.job.Fault != nil {
		t.Errorf("got fault %v; the step has it", w.job.Fault)
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	p := newPlan(flow.Step{ID: "a"})
	p.Outputs = []flow.Output{
		{Name: "doc", Value: filesExpr(func(f flow.Facts) ([]events.File, error) {
			return f.Job.Steps["a"].Files, nil
		})},
		{Name: "none", Value: filesExpr(func(flow.Facts) ([]events.File, error) { return nil, nil })},
	}
	w := submit(t, p)
	w.ok("a")
	w.wantJob(events.JobCompleted)
	want := map[string][]events.File{"doc": {file("a")}, "none": {}}
	if diff := cmp.Diff(want, w.job.Outputs); diff != "" {
		t.Errorf("outputs differ (-want +got):\n%s", diff)
	}
}

func TestFailedOutputLeavesAPartialJob(t *testing.T) {
	t.Parallel()
	p := newPlan(flow.Step{ID: "a"})
	bad := filesExpr(func(flow.Facts) ([]events.File, error) { return nil, errExpression })
	good := filesExpr(func(flow.Facts) ([]events.File, error) { return []events.File{file("x")}, nil })
	p.Outputs = []flow.Output{{Name: "doc", Value: bad}, {Name: "x", Value: good}, {Name: "pic", Value: bad}}
	w := submit(t, p)
	w.ok("a")
	w.wantRecord(flow.TypeJobPartial, events.KindJob, "a", 1)
	if diff := cmp.Diff([]string{"outputs.doc", "outputs.pic"}, w.job.Missing); diff != "" {
		t.Errorf("missing differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]events.File{"x": {file("x")}}, w.job.Outputs); diff != "" {
		t.Errorf("outputs differ (-want +got):\n%s", diff)
	}
	const text = "an expression of the pipeline could not be evaluated: outputs.doc: no such key"
	if w.job.Fault == nil || w.job.Fault.Message != text {
		t.Errorf("got fault %v, want %q", w.job.Fault, text)
	}
}
