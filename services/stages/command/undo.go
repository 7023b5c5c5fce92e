package command

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Compensate takes back every run that has begun, the last one first, with the
// program that the step declares. One that was taken back is not again. A step
// without a declaration leaves what it did.
func (c *commander) Compensate(ctx context.Context, t *stage.Task, _ stage.Result) error {
	w, err := c.work(t)
	if err != nil || w.cfg.Undo == nil {
		return err
	}
	for i, group := range slices.Backward(w.groups()) {
		if err := w.takeBack(ctx, w.run(i, group)); err != nil {
			return err
		}
	}
	return nil
}

// takeBack takes a run back, if it has begun.
func (w *work) takeBack(ctx context.Context, r *run) error {
	known, err := w.task.Checkpoints.Known(ctx, r.name)
	if err != nil {
		return err
	}
	said := account{
		Key: r.key(), Job: w.task.Job, Step: w.task.Step, Files: r.files,
		Ended: known.State == events.EffectCommitted,
	}
	switch {
	case known.State == "", known.State == events.EffectAbsent:
		return nil
	case said.Ended:
		m, err := readReceipt(ctx, w.task.Store, known.Receipt)
		if err != nil {
			return err
		}
		said.Made, said.Stdout = m.Files, m.Stdout
	}
	data, err := json.Marshal(said)
	if err != nil {
		return fault.New(fault.InternalBug, "encode what is known of a run", err)
	}
	r.undo, r.made, r.known = true, said.Made, bytes.NewReader(data)
	r.path, r.meter = w.back, &stage.Meter{}
	r.cfg.Run, r.cfg.Pass = w.cfg.Undo.Run, true
	r.cfg.TimeLimit, r.cfg.MaxOutput = w.cfg.Undo.TimeLimit, w.cfg.Undo.MaxOutput
	_, err = w.task.Repeat(ctx, "undo of "+r.name, func(ctx context.Context, _ string) (string, error) {
		m, err := r.do(ctx)
		if err != nil {
			return "", err
		}
		return m.receipt(ctx, w.task.Store)
	})
	return err
}

// account is what the undo of a run is told of it.
type account struct {
	Key  string `json:"key"`
	Job  string `json:"job"`
	Step string `json:"step"`
	// Ended is false when the run has failed, or when nobody knows how it ended.
	Ended  bool          `json:"ended"`
	Files  []events.File `json:"files"`
	Made   []events.File `json:"made,omitempty"`
	Stdout string        `json:"stdout,omitempty"`
}
