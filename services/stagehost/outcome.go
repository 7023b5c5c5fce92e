package stagehost

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/schemas"
)

// answerTimeout bounds the publishing of an outcome.
const answerTimeout = 5 * time.Second

// answer publishes the outcome of an attempt.
func (h *Host) answer(ctx context.Context, a *attempt, res stage.Result, err error) error {
	if err == nil {
		err = res.Check()
	}
	task := a.task
	o := events.AttemptOutcome{
		Job: task.Job, Tenant: task.Tenant, Step: task.Step, Stage: task.Stage,
		Attempt: task.Attempt, Undo: task.Undo, Verdict: events.VerdictSucceeded,
		Logic: a.spec.Logic, Files: res.Files, Findings: res.Findings, Worker: h.Worker,
		StartedAt: whole(a.started), EndedAt: whole(time.Now()),
	}
	if a.chain != nil {
		o.Checkpoints = a.chain.Saved()
	}
	if err != nil {
		h.fail(&o, err)
	}
	data, err := h.encode(&o)
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

// fail makes an outcome that of a failed attempt.
func (h *Host) fail(o *events.AttemptOutcome, err error) {
	o.Verdict, o.Files, o.Findings = events.VerdictFailed, nil, nil
	o.Fault = flow.Recorded(err)
	if u := new(unsettled); errors.As(err, &u) {
		o.Effect = u.effect
	}
	h.Log.Info("attempt failed", "job", o.Job, "step", o.Step, "attempt", o.Attempt, "error", err)
}

// encode returns an outcome as the conductor will take it. One that it would set
// aside, because of what a stage put into it, becomes a failure that says so: an
// answer that nobody reads would leave the step waiting.
func (h *Host) encode(o *events.AttemptOutcome) ([]byte, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if len(o.Findings) == 0 && o.Fault == nil {
		return data, nil // nothing but files, which Result.Check has seen
	}
	_, list := schemas.DecodeOutcome(data)
	if len(list) == 0 {
		return data, nil
	}
	h.fail(o, fault.New(fault.StageBadResult, list[0].Pointer+": "+list[0].Detail, nil))
	return json.Marshal(o)
}

func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
