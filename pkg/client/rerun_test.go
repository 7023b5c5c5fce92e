package client_test

import (
	"encoding/json"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/gateway"
)

func TestRerun(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	w.Conductor.Rules(flow.Rules)
	job, ctx := submit(t, c), t.Context()
	if _, err := c.Rerun(ctx, job, api.RerunRequest{}); !fault.Has(err, fault.JobNotAllowed) {
		t.Errorf("a live job: %v", err)
	}
	w.Conductor.Outcome(job, nil)
	no := false
	r := api.RerunRequest{
		RerunOptions: api.RerunOptions{Params: json.RawMessage(`{"note":"again"}`), Reuse: &no}, Reason: "to be sure", Key: "again",
	}
	plan, err := c.RerunPlan(ctx, job, r)
	if err != nil || len(plan.Steps) != 1 || plan.Steps[0].Reason != events.ReuseNotWanted {
		t.Fatalf("plan %+v, %v", plan, err)
	}
	first, err := c.Rerun(ctx, job, r)
	if err != nil || first.Duplicate || first.Key != "again" {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := c.Rerun(ctx, job, r)
	if err != nil || !again.Duplicate || again.Job != first.Job {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	j, err := c.Job(ctx, first.Job)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rerun of", j.Job.Rerun, &events.Rerun{Job: job, Revision: 2, NoReuse: true, Reason: "to be sure", By: "http"})
	same(t, "params", string(j.Job.Params), `{"note":"again"}`)
	if _, err := c.Rerun(ctx, job, api.RerunRequest{RerunOptions: api.RerunOptions{FromStep: "kept"}}); !fault.Has(err, fault.RerunUnknownStep) {
		t.Errorf("an unknown step: %v", err)
	}
}
