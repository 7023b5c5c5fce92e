// Package simulate is a stage that pretends: it waits, fails, hangs, panics or
// makes up a file, as its configuration says, and without one does nothing at
// all. Tests and demonstrations use it to show what the mill does then.
package simulate

import (
	"context"
	"slices"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// New returns the stage simulate@1. Without a configuration it hands on its
// inputs and touches nothing, which shows what a step costs by itself.
func New() stage.Stage { return &simulator{spec: spec()} }

// NewEffect returns the stage simulate-effect@1, which is simulate@1 with an
// undo: it pretends to have had an effect that must be taken back.
func NewEffect() stage.Stage { return &effect{simulator{spec: effectSpec()}} }

type simulator struct{ spec stage.Spec }

type effect struct{ simulator }

func (s *simulator) Spec() stage.Spec { return s.spec }

// Run does what the configuration says: waits, then fails, then makes files.
func (s *simulator) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	if len(t.RawConfig) == 0 {
		return stage.Result{Files: t.Files}, nil
	}
	var c config
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	return act(ctx, t, c)
}

func act(ctx context.Context, t *stage.Task, c config) (stage.Result, error) {
	switch {
	case c.Panic:
		panic("simulate: told to panic")
	case c.Hang:
		<-ctx.Done()
		return stage.Result{}, context.Cause(ctx)
	}
	if err := wait(ctx, time.Duration(c.Delay), c.IgnoreCancel); err != nil {
		return stage.Result{}, err
	}
	if err := c.Fail.at(t.Attempt); err != nil {
		return stage.Result{}, err
	}
	r := stage.Result{Files: slices.Clone(t.Files)}
	for _, e := range c.Emit {
		f, err := emit(ctx, t, e)
		if err != nil {
			return stage.Result{}, err
		}
		r.Files = append(r.Files, f)
	}
	if c.Verdict != "" {
		r.Findings = map[string]string{"verdict": c.Verdict}
	}
	return r, nil
}

// Run is the Run of simulate@1, with a configuration that may speak of an undo.
func (s *effect) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	if len(t.RawConfig) == 0 {
		return stage.Result{Files: t.Files}, nil
	}
	var c effectConfig
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	return act(ctx, t, c.config)
}

// Compensate fails as often as undo says, and then pretends to have taken the
// effect back.
func (s *effect) Compensate(ctx context.Context, t *stage.Task, _ stage.Result) error {
	var c effectConfig
	if err := t.Config(&c); err != nil {
		return err
	}
	if err := wait(ctx, time.Duration(c.Undo.Delay), false); err != nil {
		return err
	}
	return c.Undo.Fail.at(t.Attempt)
}

// wait returns after d, or with the cause when ctx ends earlier and is heeded.
func wait(ctx context.Context, d time.Duration, heedless bool) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	stop := ctx.Done()
	if heedless {
		stop = nil
	}
	select {
	case <-timer.C:
		return nil
	case <-stop:
		return context.Cause(ctx)
	}
}

// at returns the failure that is due at an attempt.
func (f *failure) at(attempt int) error {
	if f == nil || (f.Times > 0 && attempt > f.Times) {
		return nil
	}
	e := fault.New(fault.SimulateFailed, f.Message, nil)
	if f.Code != "" {
		e.Code = fault.Code(f.Code)
	}
	e.Override = fault.Class(f.Class)
	e.RetryAfter = time.Duration(f.RetryAfter)
	return e
}
