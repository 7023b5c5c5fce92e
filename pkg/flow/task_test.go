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

// taskPlan has a fetching step, and one that is configured.
func taskPlan() *flow.Plan {
	level := template(func(f flow.Facts) (json.RawMessage, error) {
		return json.Marshal(map[string]any{"files": len(f.Files), "by": f.Job.Steps["get"].Findings["by"]})
	})
	return newPlan(
		flow.Step{ID: "get", Stage: "fetch@1", Fetches: true},
		flow.Step{ID: "own", Stage: "hash@2", Timeout: 1500 * time.Microsecond},
		flow.Step{
			ID: "zip", Stage: "compress@1", Needs: []string{"own", "get"}, With: level,
			Compensable: true, Fetches: true, Timeout: 2 * time.Second,
		},
		flow.Step{ID: "end", Needs: []string{"zip"}, Critical: true},
	)
}

func taskSources() []events.Source {
	return []events.Source{
		{URL: "https://example.com/x"},
		{Name: "a.txt", Digest: "sha256:a", Size: 7, MediaType: "text/plain"},
	}
}

func task(t *testing.T, w *world, d events.DueItem) events.Task {
	t.Helper()
	got, err := flow.Task(w.plan, w.job, d, 9)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTaskOfAFirstStep(t *testing.T) {
	t.Parallel()
	w := submit(t, taskPlan(), taskSources()...)
	want := events.Task{
		Job: jobID, Tenant: tenant, Pipeline: events.PipelineRef{Name: "p", Digest: "sha256:p"},
		Step: "get", Stage: "fetch@1", Attempt: 1, Revision: 9,
		Files:   []events.File{{Name: "a.txt", Digest: "sha256:a", Size: 7, MediaType: "text/plain"}},
		Sources: taskSources(),
	}
	if diff := cmp.Diff(want, task(t, w, work("get", 1))); diff != "" {
		t.Errorf("task differs (-want +got):\n%s", diff)
	}
	want.Step, want.Stage, want.Sources, want.TimeoutMS = "own", "hash@2", nil, 2
	if diff := cmp.Diff(want, task(t, w, work("own", 1))); diff != "" {
		t.Errorf("task differs (-want +got):\n%s", diff)
	}
}

func TestTaskOfALaterStepAndItsUndo(t *testing.T) {
	t.Parallel()
	w := submit(t, taskPlan(), taskSources()...)
	w.ok("get")
	w.ok("own")
	want := events.Task{
		Job: jobID, Tenant: tenant, Pipeline: events.PipelineRef{Name: "p", Digest: "sha256:p"},
		Step: "zip", Stage: "compress@1", Attempt: 1, Revision: 9, TimeoutMS: 2000,
		Files:  []events.File{file("own"), file("get")},
		Config: json.RawMessage(`{"by":"get","files":2}`),
	}
	if diff := cmp.Diff(want, task(t, w, work("zip", 1))); diff != "" {
		t.Errorf("task differs (-want +got):\n%s", diff)
	}
	w.ok("zip")
	w.fail("end", fault.Policy)
	want.Undo = true
	want.Done = &events.Result{Files: []events.File{file("zip")}, Findings: map[string]string{"by": "zip"}}
	if diff := cmp.Diff(want, task(t, w, undoing("zip", 1))); diff != "" {
		t.Errorf("undo differs (-want +got):\n%s", diff)
	}
}

func TestTaskOfWhatIsNotDueIsRefused(t *testing.T) {
	t.Parallel()
	w := submit(t, taskPlan())
	w.fail("get", fault.Transient)
	for _, d := range []events.DueItem{
		work("own", 2),
		work("zip", 1),
		work("zz", 1),
		undoing("own", 1),
		{Kind: events.DueTimer, Step: "get", Attempt: 1},
		{Kind: events.DueTimer, Step: "own", Attempt: 1},
	} {
		if _, err := flow.Task(w.plan, w.job, d, 1); !fault.Has(err, fault.InternalBug) {
			t.Errorf("task of %+v: got error %v", d, err)
		}
	}
}

func TestTaskWhoseConfigurationFails(t *testing.T) {
	t.Parallel()
	p := taskPlan()
	w := submit(t, p)
	w.ok("get")
	w.ok("own")
	p.Steps[2].With = template(func(flow.Facts) (json.RawMessage, error) { return nil, errExpression })
	_, err := flow.Task(p, w.job, work("zip", 1), 1)
	if !fault.Has(err, fault.PipelineExpressionFailed) {
		t.Errorf("got error %v", err)
	}
}

func TestOutstandingIsInPlanOrder(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "z"}, flow.Step{ID: "m"}, flow.Step{ID: "a"}, flow.Step{ID: "x"}))
	w.fail("m", fault.Timeout)
	w.fail("x", fault.Bug)
	want := []events.DueItem{
		work("z", 1),
		{Kind: events.DueTimer, Step: "m", Attempt: 1, At: w.job.Steps["m"].RetryAt},
		work("a", 1),
	}
	if diff := cmp.Diff(want, flow.Outstanding(w.plan, w.job)); diff != "" {
		t.Errorf("outstanding differs (-want +got):\n%s", diff)
	}
}
