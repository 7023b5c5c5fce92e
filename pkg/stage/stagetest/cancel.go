package stagetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// testCancel tells attempts to stop at random places, some of them once more after
// they were resumed, and then lets the next one finish.
func (k *Kit) testCancel(t *testing.T, c Case) {
	r := k.rehearse(t, c)
	for n := range k.Cancels {
		x := r.trial(t)
		what := ""
		for cut := range 1 + n%2 {
			at := int64(-1) // before it begins
			if n > 0 || cut > 0 {
				at = r.rnd.Int64N(r.moved + 1)
			}
			what += fmt.Sprintf("cut at byte %d of %d, ", at, r.moved)
			if !x.next().interrupt(t, r.where(what), at) {
				return
			}
		}
		last := x.next().start()
		last.wait(t, r.where(what))
		r.judge(t, r.where(what+"then resumed"), last)
		x.cleanUp(r.where(what+"then resumed"), last.res)
		if t.Failed() {
			return
		}
	}
}

// interrupt runs an attempt and ends its context when the store has moved so many
// bytes, or a moment later when it never does. It reports whether the attempt has
// stopped as it should.
func (i *incarnation) interrupt(t *testing.T, where string, at int64) bool {
	t.Helper()
	var cutAt atomic.Int64
	cut := func() {
		cutAt.CompareAndSwap(0, time.Now().UnixNano())
		i.end(fault.New(fault.StageDraining, "", nil))
	}
	i.gate.tripwire(max(at, 0), cut)
	if at < 0 {
		cut()
	}
	late := time.AfterFunc(200*time.Millisecond, cut)
	defer late.Stop()
	i.start()
	select {
	case <-i.done:
	case <-i.ctx.Done():
	}
	select {
	case <-i.done:
	case <-time.After(i.k.Grace):
		since := time.Since(time.Unix(0, cutAt.Load()))
		t.Errorf("%s: still running %v after it was told to stop", where, since.Round(time.Millisecond))
		<-i.done
		return false
	}
	var f *fault.Error
	if i.err != nil && cutAt.Load() == 0 && !errors.As(i.err, &f) {
		t.Errorf("%s: failed without a fault: %v", where, i.err)
	}
	return true
}
