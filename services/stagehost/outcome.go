package stagehost

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
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
	err = h.publish(ctx, &o)
	if fault.Has(err, fault.BusTooLarge) && o.Verdict == events.VerdictSucceeded {
		// Without an answer the task would come again for ever, and end the same way.
		h.fail(&o, fault.New(fault.JobTooLarge, strconv.Itoa(len(o.Files))+" files and "+
			strconv.Itoa(len(o.Findings))+" findings of a step", err))
		err = h.publish(ctx, &o)
	}
	if err == nil {
		h.Meter.Answered(&task, &o)
		h.Tracer.Attempted(a.job, a.span, &o)
	}
	return err
}

// publish publishes an outcome.
func (h *Host) publish(ctx context.Context, o *events.AttemptOutcome) error {
	data, err := h.encode(o)
	if err != nil {
		return bus.Reject(fault.InternalBug, err)
	}
	// A result that is already computed is not thrown away because the host stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	return h.Broker.Publish(ctx, bus.Out{
		Subject: events.OutcomeSubject(stageName(o.Stage), o.Tenant, o.Job, o.Step),
		ID:      events.OutcomeID(o.Tenant, o.Job, o.Step, o.Undo, o.Attempt, o.Verdict),
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
