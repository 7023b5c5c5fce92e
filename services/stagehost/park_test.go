package stagehost

import (
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/pressure"
	"github.com/millrace/millrace/pkg/stage"
)

// TestParkedStagesTakeNoTasks has a full disk, on which undos still run, and makes room.
func TestParkedStagesTakeNoTasks(t *testing.T) {
	t.Parallel()
	free := make(chan int64, 1)
	free <- 0
	disk := pressure.New(pressure.Options{
		Dirs: []string{"x"}, Park: pressure.Mark{Bytes: 100},
		Space: func(string) (pressure.Space, error) { return pressure.Space{Free: <-free, Total: 1000}, nil },
	})
	done := func(context.Context, *stage.Task) (stage.Result, error) { return stage.Result{}, nil }
	undone := func(context.Context, *stage.Task, stage.Result) error { return nil }
	w := newWorld(t, &fake{run: done, undo: undone}, func(c *Config) { c.Await = disk.Await })
	w.give(events.Task{})
	w.give(events.Task{Undo: true})
	if o := w.answer(); !o.Undo {
		t.Errorf("a parked stage has worked: %+v", o)
	}
	select {
	case o := <-w.outcomes:
		t.Fatalf("a parked stage has worked: %+v", o)
	case <-time.After(100 * time.Millisecond):
	}
	// The undo has left a record that would make the task one of the past.
	w.record(events.JobRunning, events.Step{State: events.StepQueued, Stage: "fake@1", Attempt: 1})
	free <- 1000
	disk.Look()
	if o := w.answer(); o.Undo || o.Verdict != events.VerdictSucceeded {
		t.Errorf("answer %+v", o)
	}
}

// TestWhoWritesLittleGoesOn gives a task to a stage that the full disk is nothing to.
func TestWhoWritesLittleGoesOn(t *testing.T) {
	t.Parallel()
	done := func(context.Context, *stage.Task) (stage.Result, error) { return stage.Result{}, nil }
	w := newWorld(t, &fake{run: done, little: true}, func(c *Config) {
		c.Await = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	})
	w.give(events.Task{})
	if o := w.answer(); o.Verdict != events.VerdictSucceeded {
		t.Errorf("answer %+v", o)
	}
}
