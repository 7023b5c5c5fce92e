package stagetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// testCrash kills attempts between any two calls, lets the next one resume, and
// compares what comes of it. Every third resumed attempt is killed too.
func (k *Kit) testCrash(t *testing.T, c Case) {
	r := k.rehearse(t, c)
	n := k.Crashes
	if c.Fault != "" {
		n = min(n, faultyCrashes)
	}
	for i, p := range choose(r.calls, n, r.rnd) {
		where, plan := r.where("died "+p.String()), []point{p}
		if i%3 == 2 && len(r.calls) > 0 {
			second := r.calls[r.rnd.IntN(len(r.calls))]
			second.after = second.lasting() && r.rnd.IntN(2) == 0
			where, plan = where+", then "+second.String(), append(plan, second)
		}
		r.crash(t, where, plan)
		if t.Failed() {
			return
		}
	}
}

// faultyCrashes is how many crashes a case gets that fails anyway.
const faultyCrashes = 4

// crash runs the case with a process for each point, which dies there, and one
// more. It returns all of them.
func (r *rehearsal) crash(t *testing.T, where string, plan []point) []*incarnation {
	t.Helper()
	j, w := r.job(t)
	before := r.k.effectsNow(t)
	var all []*incarnation
	for _, p := range plan {
		i := j.incarnate(r.k, w).dies(p).start()
		i.gone(t, where)
		all = append(all, i)
	}
	last := j.incarnate(r.k, w).start()
	last.wait(t, where)
	if r.unsure(last.err) {
		last = r.settle(t, where, j, w, before)
	}
	if last == nil {
		return all
	}
	r.judge(t, where, last)
	r.sameEffects(t, where, before, j)
	return append(all, last)
}

// sameEffects checks that the world has changed as it does undisturbed.
func (r *rehearsal) sameEffects(t *testing.T, where string, before map[string]string, j *Job) {
	t.Helper()
	got := changes(before, r.k.effectsNow(t), j.task.Job)
	if diff := cmp.Diff(r.effects, got); diff != "" {
		t.Errorf("%s: other effects (-undisturbed +this): %s", where, diff)
	}
}

// unsure reports whether an attempt says that it cannot tell of an effect, as it
// may after a crash.
func (r *rehearsal) unsure(err error) bool {
	return r.c.Fault == "" && fault.Has(err, fault.EffectUnknown) && declares(r.k.Stage, fault.EffectUnknown)
}

// settle is what a person does who is asked whether an effect was made: looks, and
// says so. It returns nil when that cannot be said of all effects at once.
func (r *rehearsal) settle(
	t *testing.T, where string, j *Job, w *world, before map[string]string,
) *incarnation {
	t.Helper()
	got := changes(before, r.k.effectsNow(t), j.task.Job)
	word := events.SettleNotDone
	switch {
	case len(got) == 0:
	case cmp.Equal(got, r.effects):
		word = events.SettleDone
	default:
		for name, content := range got {
			if want, ok := r.effects[name]; !ok || want != content {
				t.Errorf("%s: %s is %q and not %q, undisturbed", where, name, content, want)
			}
		}
		return nil
	}
	i := j.settled(r.k, w, word).start()
	i.wait(t, where+", settled as "+string(word))
	return i
}
