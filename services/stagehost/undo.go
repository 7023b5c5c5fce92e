package stagehost

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// tombstone is the finding of an undo that found no trace of an attempt. It is in
// the outcome that the record of the undo has as its input.
const tombstone = "tombstone"

// takeBack undoes a step. Its checkpoints are closed first, so that an attempt that
// is still under way somewhere, or that comes after all, is refused before it does
// anything outside that the undo would not see.
func (h *Host) takeBack(ctx context.Context, s stage.Stage, t *stage.Task, a *attempt) (res stage.Result, err error) {
	c, ok := s.(stage.Compensator)
	if !ok {
		return res, fault.New(fault.InternalBug, "stage "+s.Spec().Name+" has no undo", nil)
	}
	left, err := a.chain.Bury(ctx)
	if err != nil {
		return res, err
	}
	var done stage.Result
	if d := a.task.Done; d != nil {
		done = stage.Result{Files: d.Files, Findings: d.Findings}
		left = left || len(d.Files)+len(d.Findings) > 0
	}
	if !left {
		if left, err = h.hasEffects(ctx, a.task); err != nil {
			return res, err
		}
	}
	if err := c.Compensate(ctx, t, done); err != nil {
		return res, err
	}
	if !left {
		res.Findings = map[string]string{tombstone: "no attempt has left a trace, and none can begin any more"}
	}
	return res, nil
}

// hasEffects reports whether the ledger knows of an effect of the step.
func (h *Host) hasEffects(ctx context.Context, task events.Task) (bool, error) {
	_, err := h.Broker.Last(ctx, events.StreamCheckpoints, events.EffectsOf(task.Tenant, task.Job, task.Step))
	if fault.Has(err, fault.BusNotFound) {
		return false, nil
	}
	return err == nil, err
}
