package stagehost

import (
	"context"
	"encoding/json"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// answerTimeout bounds the publishing of an outcome.
const answerTimeout = 5 * time.Second

// Limits of a result. A record holds the results of all steps of a job.
const (
	maxFiles    = 1000
	maxFindings = 64
	maxFinding  = 1 << 10
)

// answer publishes the outcome of an attempt.
func (h *Host) answer(ctx context.Context, task events.Task, spec stage.Spec, res stage.Result, err error, started time.Time) error {
	if err == nil {
		err = checkResult(res)
	}
	o := events.AttemptOutcome{
		Job: task.Job, Tenant: task.Tenant, Step: task.Step, Stage: task.Stage,
		Attempt: task.Attempt, Undo: task.Undo, Verdict: events.VerdictSucceeded,
		Logic: spec.Logic, Files: res.Files, Findings: res.Findings, Worker: h.Worker,
		StartedAt: whole(started), EndedAt: whole(time.Now()),
	}
	if err != nil {
		f := fault.From(err)
		o.Verdict, o.Files, o.Findings = events.VerdictFailed, nil, nil
		o.Fault = &events.Fault{
			Code: string(f.Code), Class: string(f.Class()), Message: f.Message(),
			Hint: f.Code.Info().Hint, RetryAfterMS: f.RetryAfter.Milliseconds(),
		}
		h.Log.Info("attempt failed", "job", task.Job, "step", task.Step, "attempt", task.Attempt, "error", err)
	}
	data, err := json.Marshal(o)
	if err != nil {
		return bus.Reject(fault.InternalBug, err)
	}
	// A result that is already computed is not thrown away because the host stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	return h.Broker.Publish(ctx, bus.Out{
		Subject: events.OutcomeSubject(stageName(task.Stage), task.Tenant, task.Job, task.Step),
		ID:      events.OutcomeID(task.Tenant, task.Job, task.Step, task.Undo, task.Attempt, o.Verdict),
		Header:  map[string]string{events.HeaderContentType: events.ContentTypeJSON},
		Data:    data,
	})
}

// checkResult refuses a result that would not fit a record.
func checkResult(r stage.Result) error {
	if len(r.Files) > maxFiles || len(r.Findings) > maxFindings {
		return fault.New(fault.StageBadResult, "too many files or findings", nil)
	}
	for k, v := range r.Findings {
		if len(k) > 64 || len(v) > maxFinding {
			return fault.New(fault.StageBadResult, "finding "+fault.Clip(k, 64)+" is too long", nil)
		}
	}
	return nil
}

func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
