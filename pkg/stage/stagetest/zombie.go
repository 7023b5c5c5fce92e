package stagetest

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

const (
	// zombies is how many attempts of a case are held.
	zombies = 6
	// stalled is how long at most. The next attempt may need longer, and then
	// both work at once.
	stalled = 500 * time.Millisecond
)

// testZombie holds an attempt at a call, as if its machine had stalled, lets the
// next one do the work, and then lets the first one go on.
func (k *Kit) testZombie(t *testing.T, c Case) {
	r := k.rehearse(t, c)
	for i, p := range choose(r.calls, min(zombies, k.Crashes), r.rnd) {
		if p.verb == verbEnd {
			continue // nobody is left to be held
		}
		r.stall(t, r.where("stalled "+p.String()), p, i/2%2 == 0)
		if t.Failed() {
			return
		}
	}
}

// stall holds one attempt at p while another finishes, or the same one delivered
// again.
func (r *rehearsal) stall(t *testing.T, where string, p point, again bool) {
	t.Helper()
	x := r.trial(t)
	where += x.redeliver(again)
	held := make(chan struct{})
	slow := x.next()
	slow.gate.holdAt(p, held)
	slow.start()
	defer slow.gate.release()
	select {
	case <-held:
	case <-slow.done: // it had less to do this time
	case <-time.After(r.k.patience):
		t.Fatalf("%s: the attempt hangs: still running after %v", where, r.k.patience)
	}
	next := x.beside(slow, where)
	unsure := r.unsure(next.err) // nobody can say now what the first one will do
	if !unsure {
		r.judge(t, where+", the next attempt", next)
	}
	slow.gate.release()
	slow.wait(t, where+", then went on")
	r.overtaken(t, where+", then went on", slow)
	if !unsure {
		x.w.intact(t, where+", then went on", next.res.Files)
		x.sameEffects(where + ", then went on")
	}
	x.cleanUp(where+", then went on", next.res)
}

// beside lets others work while the slow one is held: one, or those after it when
// it fails for a reason that is gone on a retry.
func (x *trial) beside(slow *incarnation, where string) *incarnation {
	x.Helper()
	for retries := 2; ; retries-- {
		next := x.next().start()
		select {
		case <-next.done:
		case <-time.After(stalled): // it may wait for what the first one has, such as a slot
			slow.gate.release()
		}
		next.wait(x.T, where+", the next attempt")
		if passing(next.err) && retries > 0 && !overtook(next.err) {
			x.j.redelivered = false
			continue
		}
		return next
	}
}

// passing reports whether an attempt failed for a reason that may be gone on a
// retry.
func passing(err error) bool {
	switch fault.ClassOf(err) {
	case fault.Transient, fault.Conflict, fault.Resource, fault.DependencyDown:
		return true
	}
	return false
}

// overtook reports whether an attempt failed because there is another one.
func overtook(err error) bool {
	return fault.Has(err, fault.CheckpointOvertaken) || fault.Has(err, fault.CheckpointUnexpected)
}

// crossed reports whether an attempt failed because of what a dependency made of
// two that worked at once: a request of one is cut off, say, when the other ends
// its upload. The store of the kit does not fail, so its faults are no such reason.
func crossed(err error) bool {
	return err != nil && passing(err) && !strings.HasPrefix(string(fault.From(err).Code), "artifact.")
}

// overtaken checks what has become of an attempt that was held.
func (r *rehearsal) overtaken(t *testing.T, where string, slow *incarnation) {
	t.Helper()
	if overtook(slow.err) || crossed(slow.err) {
		return
	}
	if slow.err != nil && r.c.Fault == "" && !r.unsure(slow.err) {
		t.Errorf("%s: got %v, want checkpoint.overtaken or the same result", where, slow.err)
		return
	}
	if slow.err == nil || r.c.Fault != "" {
		r.judge(t, where, slow)
	}
}
