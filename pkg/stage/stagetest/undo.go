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
func (k *Kit) testUndo(t *testing.T, comp stage.Compensator) {
	if k.Effects == nil {
		t.Fatal("a stage with an undo needs Effects")
	}
	for _, c := range k.good(t) {
		t.Run(c.Name, func(t *testing.T) {
			r := k.rehearse(t, c)
			k.testUndoOf(t, comp, r)
			k.testUndoAfterCrash(t, comp, r)
		})
	}
}

// undoing is a job that is done and undone.
type undoing struct {
	*testing.T
	r      *rehearsal
	comp   stage.Compensator
	j      *Job
	w      *world
	before map[string]string // what the world was like
}

func (r *rehearsal) undoing(t *testing.T, comp stage.Compensator) *undoing {
	t.Helper()
	j, w := r.job(t)
	return &undoing{T: t, r: r, comp: comp, j: j, w: w, before: r.k.effectsNow(t)}
}

// undo takes back what was done, and checks that nothing is left of it.
func (u *undoing) undo(when string, done stage.Result) {
	u.Helper()
	if err := u.takeBack(done, nil); err != nil {
		u.Errorf("%s: undo %s: %v", u.r.where(""), when, err)
	}
	if diff := cmp.Diff(u.before, u.r.k.effectsNow(u.T)); diff != "" {
		u.Errorf("%s: undo %s leaves: %s", u.r.where(""), when, diff)
	}
}

// takeBack calls the stage's undo; cut ends the context before it begins.
func (u *undoing) takeBack(done stage.Result, cut error) error {
	u.j.chain.Undo = true
	defer func() { u.j.chain.Undo = false }()
	i := u.j.incarnate(u.r.k, u.w)
	defer i.close()
	if cut != nil {
		i.end(cut)
	}
	return u.comp.Compensate(i.ctx, i.task, done)
}

// do does the work, as a job that nobody has worked on.
func (u *undoing) do(when string) stage.Result {
	u.Helper()
	u.w.log = checkpoint.NewMemory()
	i := u.j.incarnate(u.r.k, u.w).start()
	i.wait(u.T, u.r.where("do "+when))
	u.r.judge(u.T, u.r.where("do "+when), i)
	return i.res
}

func (k *Kit) testUndoOf(t *testing.T, comp stage.Compensator, r *rehearsal) {
	u := r.undoing(t, comp)
	u.undo("before do", stage.Result{})
	done := u.do("after undo before do")
	u.undo("after do", done)
	u.undo("a second time", done)
	u.undo("after doing it again", u.do("after undo"))
	u.w.log = checkpoint.NewMemory()
	u.j.incarnate(k, u.w).interrupt(t, r.where("do before a cut"), r.moved/2)
	u.undo("after a cut", stage.Result{})
	done = u.do("after undo after a cut")
	_ = u.takeBack(done, fault.New(fault.StageDraining, "", nil)) // may have done it all the same
	u.undo("after an undo that was cut off", done)
}

// undos is how many crashes of a case are undone.
const undos = 6

// testUndoAfterCrash kills attempts and takes back what they did, of which nobody
// has a result.
func (k *Kit) testUndoAfterCrash(t *testing.T, comp stage.Compensator, r *rehearsal) {
	for _, p := range choose(r.calls, min(undos, k.Crashes), r.rnd) {
		u := r.undoing(t, comp)
		u.j.incarnate(k, u.w).dies(p).start().gone(t, r.where("died "+p.String()))
		u.undo("of what died "+p.String(), stage.Result{})
		if t.Failed() {
			return
		}
	}
}
