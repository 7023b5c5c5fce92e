package stagetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// testUndo takes back every case that succeeds: before it was done, after it,
// twice, after an attempt that was cut off, and after ones that were killed.
func (k *Kit) testUndo(t *testing.T) {
	if k.Effects == nil {
		t.Fatal("a stage with an undo needs Effects")
	}
	for _, c := range k.good(t) {
		t.Run(c.Name, func(t *testing.T) {
			r := k.rehearse(t, c)
			r.undoWhole(t)
			r.undoCrashed(t)
		})
	}
}

// undoWhole does and undoes the work in every order.
func (r *rehearsal) undoWhole(t *testing.T) {
	x := r.trial(t)
	undo := func(when string, done stage.Result) {
		t.Helper()
		x.cleanUp(r.where("undo "+when), done)
	}
	undo("before do", stage.Result{})
	x.late("do after undo")
	done := x.do("after undo before do")
	undo("after do", done)
	undo("a second time", done)
	undo("after doing it again", x.do("after undo"))
	x.w.log = checkpoint.NewMemory()
	x.next().interrupt(t, r.where("do with a cut"), r.moved/2)
	undo("after a cut", stage.Result{})
	done = x.do("after undo after a cut")
	_ = x.takeBack(done, fault.New(fault.StageDraining, "", nil)) // may have done it all the same
	undo("after an undo that was cut off", done)
}

// do does the work, as if nobody had worked on the job.
func (x *trial) do(when string) stage.Result {
	x.Helper()
	x.w.log = checkpoint.NewMemory()
	i := x.next().start()
	i.wait(x.T, x.r.where("do "+when))
	x.r.judge(x.T, x.r.where("do "+when), i)
	return i.res
}

// late begins an attempt that the undo has overtaken on its way. It must not do
// anything any more. A stage that can change something outside asks first: see
// [stage.Task.Effect] and [stage.Task.Repeat].
func (x *trial) late(when string) {
	x.Helper()
	x.j.attempts, x.j.processes = 0, 0 // as if it was the first
	i := x.next().start()
	i.wait(x.T, x.r.where(when))
	if len(x.r.effects) > 0 && !fault.Has(i.err, fault.JobCancelled) {
		x.Errorf("%s: got %v, want job.cancelled", x.r.where(when), i.err)
	}
	if diff := cmp.Diff(x.before, x.r.k.effectsNow(x.T)); diff != "" {
		x.Errorf("%s: it is done all the same: %s", x.r.where(when), diff)
	}
}

// undos is how many crashes of a case are undone.
const undos = 6

// undoCrashed kills attempts and takes back what they did, of which nobody has a
// result.
func (r *rehearsal) undoCrashed(t *testing.T) {
	for _, p := range choose(r.calls, min(undos, r.k.Crashes), r.rnd) {
		x := r.trial(t)
		x.next().dies(p).start().gone(t, r.where("died "+p.String()))
		x.cleanUp(r.where("undo of what died "+p.String()), stage.Result{})
		if t.Failed() {
			return
		}
	}
}
