package stagetest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// testUndo takes back every case that succeeds: before it was done, after it,
// twice, and after an attempt that was cut off.
func (k *Kit) testUndo(t *testing.T, comp stage.Compensator) {
	if k.Effects == nil {
		t.Fatal("a stage with an undo needs Effects")
	}
	for _, c := range k.good(t) {
		t.Run(c.Name, func(t *testing.T) { k.testUndoOf(t, comp, c) })
	}
}

func (k *Kit) testUndoOf(t *testing.T, comp stage.Compensator, c Case) {
	wire := &tripwire{Store: memstore.New()}
	s := artifact.New(wire, nil)
	t.Cleanup(func() { _ = s.Close() })
	task := newTask(t, c, s, c.Name+"-undone")
	if c.Prepare != nil {
		c.Prepare(t, task)
	}
	before := k.Effects(t)
	undo := func(when string, done stage.Result) {
		t.Helper()
		if err := comp.Compensate(t.Context(), again(t, task), done); err != nil {
			t.Errorf("undo %s: %v", when, err)
		}
		if diff := cmp.Diff(before, k.Effects(t)); diff != "" {
			t.Errorf("undo %s leaves: %s", when, diff)
		}
	}
	undo("before do", stage.Result{})
	wire.done.Store(0)
	done, err := k.run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	total := wire.done.Load()
	undo("after do", done)
	undo("a second time", done)
	redone, err := k.run(t.Context(), again(t, task))
	if err != nil {
		t.Fatalf("do after undo: %v", err)
	}
	if diff := cmp.Diff(done, redone); diff != "" {
		t.Errorf("do after undo: %s", diff)
	}
	undo("after doing it again", redone)
	k.interrupt(t, wire, again(t, task), total/2)
	undo("after a cut", stage.Result{})
	k.testUndoInterrupted(t, comp, again(t, task), before)
}

// testUndoInterrupted stops an undo before it begins, and then lets it finish.
func (k *Kit) testUndoInterrupted(
	t *testing.T, comp stage.Compensator, task *stage.Task, before map[string]string,
) {
	done, err := k.run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	stop(fault.New(fault.StageDraining, "", nil))
	_ = comp.Compensate(ctx, again(t, task), done) // may have done it all the same
	if err := comp.Compensate(t.Context(), again(t, task), done); err != nil {
		t.Errorf("undo after a cut: %v", err)
	}
	if diff := cmp.Diff(before, k.Effects(t)); diff != "" {
		t.Errorf("undo after a cut leaves: %s", diff)
	}
}
