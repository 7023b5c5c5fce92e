package stagetest

import (
	"testing"
	"time"
)

const (
	// defaultUnit is what Kit.Unit is when it says nothing.
	defaultUnit = 8 << 20
	// largeBytes is how much may be done again of a large file, or half of it when
	// tests are to be short, and largeChunk is stored at once.
	largeBytes, largeChunk = 4 << 20, 1 << 20
	// readAhead is what a reader of the store reads before it is asked for.
	readAhead = 2 << 20
	// largeLimit is when an attempt at a large file hangs.
	largeLimit = 10 * time.Minute
)

// testResume kills attempts at a large file and counts what is read again.
func (k *Kit) testResume(t *testing.T) {
	slow := *k
	slow.patience = max(slow.patience, largeLimit)
	k = &slow
	unit := k.Unit
	if unit <= 0 {
		unit = defaultUnit
	}
	pieces, again := int64(4), int64(largeBytes)
	if testing.Short() {
		pieces, again = 2, largeBytes/2
	}
	c := k.Large(Content{Name: "large", Size: pieces * (again + unit)})
	c.Name = "large"
	plain := k.prepare(t, c, largeChunk, -1)
	want := plain.undisturbed(t, "without checkpoints").result()
	r := plain
	r.bytes, r.want = again, want
	r.record(t)
	switch {
	case r.saves == 0 && k.Resumes:
		t.Errorf("%s: no place was saved, although the stage resumes", r.where("undisturbed"))
	case r.saves > 0:
		r.repeats(t, again+unit+readAhead)
	}
}

// repeats checks that crashes make the stage read no more than limit again, each.
func (r *rehearsal) repeats(t *testing.T, limit int64) {
	t.Helper()
	for i, p := range choose(r.calls, max(r.k.Crashes/6, 2), r.rnd) {
		where := r.where("died " + p.String())
		all := r.crash(t, where, []point{p}, i%2 == 0)
		again := -r.read
		for _, i := range all {
			again += i.gate.read
		}
		if again > limit {
			t.Errorf("%s: %d bytes of the inputs are read again, of %d; at most %d may be",
				where, again, r.read, limit)
		}
		if t.Failed() {
			return
		}
	}
}
