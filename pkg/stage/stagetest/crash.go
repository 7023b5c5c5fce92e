package stagetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// testCrash kills attempts between any two calls, lets the next one resume, and
// compares what comes of it. Every third resumed attempt is killed too.
func (k *Kit) testCrash(t *testing.T, c Case) {
	r := k.rehearse(t, c)
	n := k.Crashes
	if c.Fault != "" {
		n = min(n, faultyCrashes)
	}
	points := choose(r.calls, n, r.rnd)
	once := len(points)
	if 2*once <= n {
		points = append(points, points...)
	}
	for i, p := range points {
		again := (i%once/2+i/once)%2 == 0 // the second time the other way round
		where, plan := r.where("died "+p.String()), []point{p}
		if i%3 == 2 && len(r.calls) > 0 {
			second := r.calls[r.rnd.IntN(len(r.calls))]
			second.after = second.lasting() && r.rnd.IntN(2) == 0
			where, plan = where+", then "+second.String(), append(plan, second)
		}
		r.crash(t, where, plan, again)
		if t.Failed() {
			return
		}
	}
}

// faultyCrashes is how many crashes a case gets that fails anyway.
const faultyCrashes = 4

// crash runs the case with a process for each point, which dies there, and one
// more. It returns all of them. again says that all of them get the same attempt.
func (r *rehearsal) crash(t *testing.T, where string, plan []point, again bool) []*incarnation {
	t.Helper()
	x := r.trial(t)
	where += x.redeliver(again)
	var all []*incarnation
	for _, p := range plan {
		i := x.next().dies(p).start()
		i.gone(t, where)
		all = append(all, i)
	}
	last := x.next().start()
	last.wait(t, where)
	if r.unsure(last.err) {
		last = x.settle(where)
	}
	if last == nil {
		x.cleanUp(where, stage.Result{})
		return all
	}
	r.judge(t, where, last)
	x.sameEffects(where)
	x.cleanUp(where, last.res)
	return append(all, last)
}

// unsure reports whether an attempt says that it cannot tell of an effect, as it
// may after a crash.
func (r *rehearsal) unsure(err error) bool {
	return r.c.Fault == "" && fault.Has(err, fault.EffectUnknown) && declares(r.k.Stage, fault.EffectUnknown)
}

// settle is what a person does who is asked whether an effect was made: looks, and
// says so. It returns nil when that cannot be said of all effects at once.
func (x *trial) settle(where string) *incarnation {
	x.Helper()
	got := x.effects()
	word := events.SettleNotDone
	switch {
	case len(got) == 0:
	case cmp.Equal(got, x.r.effects):
		word = events.SettleDone
	default:
		for name, content := range got {
			if want, ok := x.r.effects[name]; !ok || want != content {
				x.Errorf("%s: %s is %q and not %q, undisturbed", where, name, content, want)
			}
		}
		return nil
	}
	i := x.settled(word).start()
	i.wait(x.T, where+", settled as "+string(word))
	return i
}
