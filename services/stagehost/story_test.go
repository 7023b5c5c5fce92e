package stagehost

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// github.com/apache/camel, saga-eip.adoc: an order is delayed, the saga is cancelled
// meanwhile, and the compensation finds no order that it could cancel; so every action
// and its compensation must be written such that their order does not matter. Here no
// stage has to care: the step is closed by its undo, and the order that comes after it
// is not placed, however often it is tried.
func TestStoryCamelUndoBeforeDo(t *testing.T) {
	t.Parallel()
	var orders, cancels atomic.Int32
	w := newWorld(t, &fake{
		run: func(ctx context.Context, task *stage.Task) (stage.Result, error) {
			_, err := task.Effect(ctx, "order", func(context.Context, string) (string, error) {
				orders.Add(1)
				return "placed", nil
			}, nil)
			return stage.Result{}, err
		},
		undo: func(context.Context, *stage.Task, stage.Result) error {
			cancels.Add(1)
			return nil
		},
	}, nil)
	w.give(events.Task{Undo: true})
	if o := w.answer(); o.Verdict != events.VerdictSucceeded || o.Findings[tombstone] == "" {
		t.Errorf("the undo of nothing answers %s with %v", o.Verdict, o.Findings)
	}
	for attempt := 1; attempt <= 3; attempt++ {
		w.give(events.Task{Attempt: attempt})
		w.wantFault(string(fault.JobCancelled))
	}
	w.give(events.Task{Undo: true, Attempt: 2})
	if o := w.answer(); o.Verdict != events.VerdictSucceeded {
		t.Errorf("the second undo answers %s with %+v", o.Verdict, o.Fault)
	}
	w.quiet()
	if orders.Load() != 0 || cancels.Load() != 2 {
		t.Errorf("%d orders are placed, %d cancelled", orders.Load(), cancels.Load())
	}
}
