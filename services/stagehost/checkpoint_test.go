package stagehost

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// place is what the stage of these tests remembers.
type place struct{ N int }

// saving resumes and saves n more places, of 100 in all.
func saving(ctx context.Context, t *stage.Task, n int) (from int, err error) {
	var at place
	run, err := t.Resume(ctx, 1, &at)
	if err != nil {
		return 0, err
	}
	from = at.N
	for range n {
		at.N++
		if err := run.Save(ctx, int64(at.N), 100); err != nil {
			return from, err
		}
	}
	return from, nil
}

func TestAttemptGoesOnWhereTheOneBeforeFailed(t *testing.T) {
	t.Parallel()
	var resumedFrom []int
	f := &fake{run: func(ctx context.Context, task *stage.Task) (stage.Result, error) {
		from, err := saving(ctx, task, 3)
		resumedFrom = append(resumedFrom, from)
		if err == nil && task.Attempt == 1 {
			err = fault.New(fault.ArtifactIO, "broken", nil)
		}
		return stage.Result{}, err
	}}
	w := newWorld(t, f, nil)
	w.give(events.Task{})
	w.wantFault("artifact.io")
	w.give(events.Task{Attempt: 2, Cause: &events.Fault{Code: "artifact.io", Class: "transient", Message: "broken"}})
	o := w.answer()
	r := o.Resumed
	if o.Verdict != events.VerdictResumed || r == nil || r.Done != 3 || r.Total != 100 || r.Percent != 3 || r.Checkpoint != 3 ||
		r.Decision != events.DecisionResumed || r.Claim == 0 || r.Cause == nil || r.Cause.Code != "artifact.io" {
		t.Errorf("the second attempt says %+v, %+v", o, r)
	}
	if o := w.answer(); o.Verdict != events.VerdictSucceeded {
		t.Errorf("the second attempt answers %+v", o)
	}
	if len(resumedFrom) != 2 || resumedFrom[0] != 0 || resumedFrom[1] != 3 {
		t.Errorf("attempts begin at %v", resumedFrom)
	}
}

func TestOvertakenAttemptIsNotAnswered(t *testing.T) {
	t.Parallel()
	saved, overtaken := make(chan struct{}), make(chan struct{})
	f := &fake{}
	f.run = func(ctx context.Context, task *stage.Task) (stage.Result, error) {
		if f.runs.Load() > 1 {
			_, err := saving(ctx, task, 1)
			return stage.Result{}, err
		}
		var at place
		run, err := task.Resume(ctx, 1, &at)
		if err == nil {
			err = run.Save(ctx, 1, 0)
		}
		close(saved)
		<-overtaken
		if err == nil {
			err = run.Save(ctx, 2, 0)
		}
		if !fault.Has(err, fault.CheckpointOvertaken) {
			t.Errorf("a save of an overtaken attempt: %v", err)
		}
		return stage.Result{}, err
	}
	w := newWorld(t, f, nil)
	task := w.give(events.Task{})
	<-saved
	chain := checkpoint.New(checkpoint.Options{
		Log: brokerLog{w.conn}, Store: w.host.Store, Attempt: 1, Stage: "fake@1", Logic: "1", Worker: "other",
		Inputs: inputsOf(task),
		Key:    checkpoint.Key{Tenant: task.Tenant, Job: task.Job, Step: task.Step},
	})
	var at place
	if _, err := chain.Resume(t.Context(), 1, &at); err != nil {
		t.Fatal(err)
	}
	close(overtaken)
	// Nobody answers, so the task comes again, and is run on from where it was.
	if o := w.answer(); o.Verdict != events.VerdictResumed || o.Resumed.Done != 1 {
		t.Errorf("after an overtaken attempt comes %+v", o)
	}
	if o := w.answer(); o.Verdict != events.VerdictSucceeded {
		t.Errorf("after an overtaken attempt comes %+v", o)
	}
	w.quiet()
}

func TestCheckpointsThatNobodyKnewOfHandTheTaskOver(t *testing.T) {
	t.Parallel()
	f := &fake{run: func(ctx context.Context, task *stage.Task) (stage.Result, error) {
		_, err := saving(ctx, task, 1)
		return stage.Result{}, err
	}}
	w := newWorld(t, f, nil)
	task := events.Task{Job: "job", Tenant: events.DefaultTenant, Step: "s", Stage: "fake@1", Attempt: 1}
	key := checkpoint.Key{Tenant: task.Tenant, Job: task.Job, Step: task.Step}
	earlier := checkpoint.New(checkpoint.Options{
		Log: brokerLog{w.conn}, Store: w.host.Store, Key: key, Stage: "fake@1", Logic: "1", Attempt: 1, Inputs: inputsOf(task),
	})
	at := place{N: 7}
	run, err := earlier.Resume(t.Context(), 1, &at)
	if err == nil {
		err = run.Save(t.Context(), 7, 10)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.give(events.Task{})
	if o := w.answer(); o.Verdict != events.VerdictResumed || o.Resumed.Done != 7 {
		t.Errorf("got %+v", o)
	}
	if o := w.answer(); o.Verdict != events.VerdictSucceeded || f.runs.Load() != 2 {
		t.Errorf("got %+v after %d runs", o, f.runs.Load())
	}
}

func TestClosedCheckpointsStopAnAttempt(t *testing.T) {
	t.Parallel()
	saved, closed := make(chan struct{}), make(chan struct{})
	f := &fake{run: func(ctx context.Context, task *stage.Task) (stage.Result, error) {
		var at place
		run, err := task.Resume(ctx, 1, &at)
		if err == nil {
			err = run.Save(ctx, 1, 0)
		}
		close(saved)
		<-closed
		if err == nil {
			err = run.Save(ctx, 2, 0)
		}
		return stage.Result{}, err
	}}
	w := newWorld(t, f, nil)
	w.give(events.Task{})
	<-saved
	key := checkpoint.Key{Tenant: events.DefaultTenant, Job: "job", Step: "s"}
	if err := w.conn.Publish(t.Context(), bus.Out{
		Subject: subjectOf(key), ID: "closed", Data: checkpoint.Closing(key, "fake@1", 1, time.Now()),
	}); err != nil {
		t.Fatal(err)
	}
	close(closed)
	w.wantFault("job.cancelled")
}

func TestUnknownEffectIsNamed(t *testing.T) {
	t.Parallel()
	f := &fake{run: func(ctx context.Context, task *stage.Task) (stage.Result, error) {
		_, err := task.Effect(ctx, "order", func(context.Context, string) (string, error) {
			return "", fault.New(fault.InternalBug, "the answer is lost", errors.New("cut"))
		}, nil)
		return stage.Result{}, err
	}}
	w := newWorld(t, f, nil)
	w.give(events.Task{})
	if o := w.answer(); o.Effect != "order" || o.Fault == nil || o.Fault.Code != "effect.unknown" || o.Fault.Class != "unknown_effect" {
		t.Errorf("got %+v with %+v", o, o.Fault)
	}
	m, err := w.conn.Last(t.Context(), events.StreamCheckpoints, events.EffectsOf(events.DefaultTenant, "job", "s"))
	if err != nil {
		t.Fatal(err)
	}
	var e events.Effect
	if err := json.Unmarshal(m.Data, &e); err != nil || e.State != events.EffectUnknown || e.Key != "order" {
		t.Errorf("the ledger says %s", m.Data)
	}
}
