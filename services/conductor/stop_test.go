package conductor

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
)

// TestCancelClosesTheCheckpointsOfOpenSteps wants whoever works on a step of a
// cancelled job to be refused at the next save.
func TestCancelClosesTheCheckpointsOfOpenSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn)
	w.submit("k")
	w.await("k", 1)
	w.command("k", events.VerbCancel)
	w.await("k", 2)
	job := events.JobID(events.DefaultTenant, "k")
	subject := events.CheckpointSubject(events.DefaultTenant, job, "first")
	var c events.Checkpoint
	for range 500 {
		if m, err := w.conn.Last(t.Context(), events.StreamCheckpoints, subject); err == nil {
			if err := json.Unmarshal(m.Data, &c); err != nil {
				t.Fatal(err)
			}
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if c.Kind != events.CheckpointClosed || c.Attempt != 1 || c.Step != "first" || c.Job != job {
		t.Errorf("the chain of the open step ends with %+v", c)
	}
	if _, err := w.conn.Last(t.Context(), events.StreamCheckpoints,
		events.CheckpointSubject(events.DefaultTenant, job, "second")); err == nil {
		t.Error("the chain of a step that was never due is closed")
	}
}

// TestRepairedWorkSaysThatItMayHaveRun wants a stage that is given work again to
// look for checkpoints.
func TestRepairedWorkSaysThatItMayHaveRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.conductor(w.conn)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { _ = c.Reconcile(ctx) }()
	w.submit("k")
	filter := events.WorkOf("work")
	w.awaitQueued(filter)
	if task := w.task(filter); task.Reissue {
		t.Errorf("first-hand work is said to be repaired: %+v", task)
	}
	if err := w.conn.Purge(t.Context(), events.StreamQueue, filter); err != nil {
		t.Fatal(err)
	}
	c.Nudge()
	w.awaitQueued(filter)
	if task := w.task(filter); !task.Reissue || task.Attempt != 1 {
		t.Errorf("repaired work is not said to be: %+v", task)
	}
}

// task is the newest task in the queue.
func (w *world) task(filter string) events.Task {
	w.t.Helper()
	m, err := w.conn.Last(w.t.Context(), events.StreamQueue, filter)
	if err != nil {
		w.t.Fatal(err)
	}
	var task events.Task
	if err := json.Unmarshal(m.Data, &task); err != nil {
		w.t.Fatal(err)
	}
	return task
}
