package stagetest

import (
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/stage"
)

// incarnation is one process that works on a step: an attempt with a store and a
// log of its own, behind which is the world that all incarnations share.
type incarnation struct {
	k     *Kit
	w     *world
	gate  *gate
	store *artifact.Store
	task  *stage.Task
	ctx   context.Context // of the attempt, as long as the process
	end   context.CancelCauseFunc
	done  chan struct{} // closed when the process has nothing running any more
	res   stage.Result
	err   error
}

// incarnate returns the next process of a job, which has not begun.
func (j *Job) incarnate(k *Kit, w *world) *incarnation {
	i := &incarnation{k: k, w: w, gate: newGate(w.inputs), done: make(chan struct{})}
	i.store = w.open(i.gate)
	i.task = j.next(i.store, gatedLog{w.log, i.gate})
	i.ctx, i.end = context.WithCancelCause(j.t.Context())
	return i
}

// dies makes the process end at p, as if it was killed.
func (i *incarnation) dies(p point) *incarnation {
	i.gate.killAt(p, func() { i.end(nil) })
	return i
}

// start begins to work on the step.
func (i *incarnation) start() *incarnation {
	go func() {
		defer close(i.done)
		defer i.close()
		i.res, i.err = i.k.run(i.ctx, i.task)
	}()
	return i
}

// close ends a process that is done, or that was not started.
func (i *incarnation) close() {
	_ = i.task.Checkpoints.Close()
	_ = i.store.Close()
	i.end(nil)
}

// wait returns when the process has ended, and complains when it never does.
func (i *incarnation) wait(t *testing.T, where string) {
	t.Helper()
	select {
	case <-i.done:
		return
	case <-time.After(i.k.patience):
	}
	i.end(nil)
	select {
	case <-i.done:
		t.Fatalf("%s: the attempt hangs: still running after %v", where, i.k.patience)
	case <-time.After(i.k.Grace):
		t.Fatalf("%s: the attempt hangs for good: still running %v after it was told to stop", where, i.k.Grace)
	}
}

// gone returns when a process that was killed has ended. A process that ended
// before it came to that place is gone too.
func (i *incarnation) gone(t *testing.T, where string) {
	t.Helper()
	select {
	case <-i.done:
		return
	case <-i.ctx.Done():
	case <-time.After(i.k.patience):
		t.Fatalf("%s: the attempt hangs: still running after %v", where, i.k.patience)
	}
	select {
	case <-i.done:
	case <-time.After(i.k.Grace):
		t.Errorf("%s: still running %v after its context ended", where, i.k.Grace)
		<-i.done
	}
}
