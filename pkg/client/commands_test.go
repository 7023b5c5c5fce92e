package client_test

import (
	"errors"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/gateway"
)

func TestCommandsReachTheJob(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	w.Conductor.Rules(flow.Rules)
	job := submit(t, c)
	state := func(j *api.Job, err error) events.JobState {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return j.Job.State
	}
	ctx := t.Context()
	same(t, "pause", state(c.Pause(ctx, job, "wait")), events.JobPaused)
	same(t, "pause again", state(c.Pause(ctx, job, "")), events.JobPaused)
	same(t, "resume", state(c.Resume(ctx, job, "")), events.JobRunning)
	w.Conductor.Outcome(job, &events.Fault{Code: "test.auth", Class: "auth"})
	_, err := c.Skip(ctx, job, "keep", "", false)
	var p *client.Problem
	if !fault.Has(err, fault.JobNotAllowed) || !errors.As(err, &p) || len(p.Allowed) == 0 {
		t.Errorf("a critical step: %v, %+v", err, p)
	}
	same(t, "retry of one step", state(c.Order(ctx, job, events.VerbRetry, api.Order{Step: "keep"})), events.JobRunning)
	w.Conductor.Outcome(job, &events.Fault{Code: "test.auth", Class: "auth"})
	e, err := c.Explain(ctx, job)
	if err != nil || len(e.Reasons) != 2 || e.Reasons[1].Step != "keep" || e.Reasons[1].Fault == nil {
		t.Errorf("explanation %+v, %v", e, err)
	}
	// What its attempts may have done is taken back first.
	same(t, "skip", state(c.Skip(ctx, job, "keep", "by hand", true)), events.JobRunning)
	w.Conductor.Answer(job, "keep", true, nil)
	same(t, "skipped", state(c.Job(ctx, job)), events.JobCompleted)
	if _, err := c.RollbackPlan(ctx, job); !fault.Has(err, fault.RollbackNothing) {
		t.Errorf("a job that did nothing: %v", err)
	}
}

func TestOrderAt(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t, gateway.Limits{})
	job, ctx := submit(t, c), t.Context()
	seen, err := c.Job(ctx, job)
	if err != nil {
		t.Fatal(err)
	}
	paused, err := c.OrderAt(ctx, job, seen.Revision, events.VerbPause, api.Order{Reason: "a look"})
	if err != nil || paused.Job.State != events.JobPaused {
		t.Fatalf("%+v %v", paused, err)
	}
	if _, err := c.OrderAt(ctx, job, seen.Revision, events.VerbCancel, api.Order{}); !fault.Has(err, fault.JobStaleRevision) {
		t.Errorf("of a job that has moved: %v", err)
	}
	if _, err := c.OrderAt(ctx, job, paused.Revision, events.VerbResume, api.Order{}); err != nil {
		t.Errorf("as it was read: %v", err)
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	job, ctx := submit(t, c), t.Context()
	if _, err := c.RollbackPlan(ctx, job); !fault.Has(err, fault.JobNotAllowed) {
		t.Errorf("a live job: %v", err)
	}
	w.Conductor.Outcome(job, nil)
	plan, err := c.RollbackPlan(ctx, job)
	if err != nil || len(plan.Steps) != 1 || plan.Digest == "" {
		t.Fatalf("plan %+v, %v", plan, err)
	}
	full := api.Order{Plan: plan.Digest, Reason: "wrong file"}
	for name, tc := range map[string]struct {
		revision uint64
		order    api.Order
		want     fault.Code
	}{
		"no revision":    {0, full, fault.JobNoRevision},
		"other revision": {1, full, fault.JobStaleRevision},
		"no reason":      {plan.Revision, api.Order{Plan: plan.Digest}, fault.RollbackNoReason},
		"another plan":   {plan.Revision, api.Order{Plan: "sha256:0", Reason: "x"}, fault.RollbackStalePlan},
	} {
		if _, err := c.Rollback(ctx, job, tc.revision, tc.order); !fault.Has(err, tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	j, err := c.Rollback(ctx, job, plan.Revision, full)
	if err != nil || j.Job.State != events.JobCompensating {
		t.Fatalf("rollback: %+v, %v", j, err)
	}
	// A job that is rolled back is waited for once more.
	waited := make(chan events.JobState, 1)
	go func() {
		j, err := c.Wait(ctx, job)
		if err != nil {
			t.Errorf("wait: %v", err)
			close(waited)
			return
		}
		waited <- j.Job.State
	}()
	w.Conductor.Answer(job, "keep", true, &events.Fault{Code: "test.policy", Class: "policy"})
	same(t, "accept without need", func() bool {
		_, err := c.Accept(ctx, job, "keep", "by hand")
		return fault.Has(err, fault.JobNotAllowed)
	}(), true)
	w.Conductor.Fire(job, "keep")
	w.Conductor.Answer(job, "keep", true, nil)
	same(t, "state", <-waited, events.JobRolledBack)
}
