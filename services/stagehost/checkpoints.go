package stagehost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// chain returns the checkpoints of an attempt. fresh says that nobody can have
// saved any yet.
func (h *Host) chain(a *attempt, fresh bool) *checkpoint.Chain {
	task, spec := a.task, a.spec
	size := task.CheckpointBytes
	if size == 0 || h.CheckpointBytes < 0 {
		size = h.CheckpointBytes
	}
	return checkpoint.New(checkpoint.Options{
		Log: brokerLog{h.Broker}, Store: h.Store,
		Key:   checkpoint.Key{Tenant: task.Tenant, Job: task.Job, Step: task.Step},
		Stage: task.Stage, Logic: spec.Logic, Worker: h.Worker, Attempt: task.Attempt, Undo: task.Undo,
		Inputs: inputsOf(task), Fresh: fresh, Cause: task.Cause, Settle: task.Settle,
		Bytes: size, Every: h.CheckpointEvery, Slog: h.Log, Offered: a.offered,
		Resumed: func(ctx context.Context, r events.Resumed) error {
			return h.tellResumed(ctx, task, spec, r, a.started)
		},
	})
}

// inputsOf is the digest of everything that decides about the output of a step:
// a place that was saved is only good for the same.
func inputsOf(t events.Task) string {
	data, err := json.Marshal([]any{t.Files, t.Sources, t.Config})
	if err != nil {
		return "" // of what was read as JSON: cannot be
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// fresh reports whether no attempt at the step can have run before this delivery
// of its task. That it was delivered before does not mean that it ran.
func fresh(m *bus.Message, t events.Task) bool {
	return m.Delivered <= 1 && t.Attempt == 1 && !t.Reissue && !t.Undo
}

// tellResumed says where an attempt goes on. It is recorded like an answer.
func (h *Host) tellResumed(ctx context.Context, task events.Task, spec stage.Spec, r events.Resumed, started time.Time) error {
	h.Meter.Resumed(&task, &r)
	h.Log.Info("attempt goes on", "job", task.Job, "step", task.Step, "attempt", task.Attempt,
		"decision", r.Decision, "checkpoint", r.Checkpoint, "done", r.Done, "total", r.Total, "reason", r.Reason)
	data, err := json.Marshal(events.AttemptOutcome{
		Job: task.Job, Tenant: task.Tenant, Step: task.Step, Stage: task.Stage, Attempt: task.Attempt,
		Verdict: events.VerdictResumed, Logic: spec.Logic, Resumed: &r, Worker: h.Worker,
		StartedAt: whole(started), EndedAt: whole(time.Now()),
	})
	if err != nil {
		return fault.New(fault.InternalBug, "encode where an attempt goes on", err)
	}
	id := events.OutcomeID(task.Tenant, task.Job, task.Step, false, task.Attempt, events.VerdictResumed)
	return h.Broker.Publish(ctx, bus.Out{
		Subject: events.OutcomeSubject(stageName(task.Stage), task.Tenant, task.Job, task.Step),
		ID:      id + "/" + strconv.FormatUint(r.Claim, 10),
		Header:  map[string]string{events.HeaderContentType: events.ContentTypeJSON},
		Data:    data,
	})
}

// notOurs says what to do with a task whose attempt somebody else has, or may
// have: it is no answer that a person should see.
func notOurs(err error) error {
	switch {
	case fault.Has(err, fault.CheckpointOvertaken):
		return bus.Abandon(err)
	case fault.Has(err, fault.CheckpointUnexpected):
		return bus.HandOver(err)
	}
	return nil
}

// unsettled is the error of an attempt that cannot tell whether an effect was made.
type unsettled struct {
	error
	effect string
}

// Unwrap returns the error itself.
func (e *unsettled) Unwrap() error { return e.error }

// about names the effect that an error of class unknown_effect is about.
func about(c *checkpoint.Chain, err error) error {
	if key := c.Unknown(); key != "" && fault.ClassOf(err) == fault.UnknownEffect {
		return &unsettled{err, key}
	}
	return err
}
