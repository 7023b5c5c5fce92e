package checkpoint

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// flip changes one bit.
func flip(i int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[i] ^= 1 << (i % 8)
		return b
	}
}

// TestDamagedNewest damages each byte of the newest record: the attempt goes on at
// the one before, and says why.
func TestDamagedNewest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 3)
	kept, err := r.memory.Kept(t.Context(), rigKey)
	must(t, err)
	whole := slices.Clone(r.memory.kept[rigKey])
	for i := range kept[2].Data {
		r.memory.kept[rigKey] = slices.Clone(whole)
		r.change(0, flip(i))
		run, at := resume(t, r.chain(2))
		same(t, 2, at.N)
		same(t, int64(200), run.Done())
		e := r.events()[0]
		same(t, events.DecisionFellBack, e.Decision)
		same(t, 2, e.Checkpoint)
		if !strings.Contains(e.Reason, fmt.Sprintf("the record at %d is damaged", kept[2].Position)) {
			t.Fatalf("reason %q", e.Reason)
		}
		if claim := r.newest(); claim.Sequence != 4 || claim.Saves != 2 || claim.Reason != e.Reason {
			t.Fatalf("claim %+v", claim)
		}
		// The claim is whole: the next attempt has nothing to fall back from.
		_, at = resume(t, r.chain(3))
		same(t, 2, at.N)
		same(t, events.DecisionResumed, r.events()[0].Decision)
	}
}

// TestDamagedSecond damages each byte of the second newest record: the newest is
// good by itself.
func TestDamagedSecond(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 3)
	whole := slices.Clone(r.memory.kept[rigKey])
	for i := range whole[1].Data {
		r.memory.kept[rigKey] = slices.Clone(whole)
		r.change(1, flip(i))
		_, at := resume(t, r.chain(2))
		same(t, 3, at.N)
		same(t, events.DecisionResumed, r.events()[0].Decision)
	}
}

// TestDamagedMany damages ever more records, at last all.
func TestDamagedMany(t *testing.T) {
	t.Parallel()
	for n := 1; n <= memoryKept; n++ {
		r := newRig(t)
		r.saveTo(1, 7)
		for i := range n {
			r.change(i, func(b []byte) []byte { return b[:len(b)-i] })
			r.change(i, flip(i))
		}
		_, at := resume(t, r.chain(2))
		e := r.events()[0]
		if n == memoryKept {
			same(t, 0, at.N)
			same(t, events.DecisionRestarted, e.Decision)
			same(t, 0, e.Checkpoint)
			continue
		}
		same(t, 7-n, at.N)
		same(t, events.DecisionFellBack, e.Decision)
		same(t, 7-n, e.Checkpoint)
	}
}

// TestBrokenLink: a record that does not follow the one before it is passed over.
func TestBrokenLink(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 2)
	rec := *r.newest()
	rec.Sequence, rec.Saves, rec.State = 3, 3, json.RawMessage(`{"n":3}`)
	data, err := encode(rec)
	must(t, err)
	r.memory.Put(rigKey, data)
	_, at := resume(t, r.chain(2))
	same(t, 2, at.N)
	e := r.events()[0]
	same(t, events.DecisionFellBack, e.Decision)
	if !strings.Contains(e.Reason, "does not follow") {
		t.Fatal(e.Reason)
	}
}

// TestMissingNewest: the log has lost its newest record.
func TestMissingNewest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 3)
	r.memory.kept[rigKey] = r.memory.kept[rigKey][:2]
	_, at := resume(t, r.chain(2))
	same(t, 2, at.N)
}

// TestDamagedAboveClosed: what was cancelled stays so.
func TestDamagedAboveClosed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 1)
	r.memory.Put(rigKey, Closing(rigKey, "compress@1", 1, rigStart))
	r.memory.Put(rigKey, []byte("rubbish"))
	_, err := r.chain(2).Resume(t.Context(), 1, &counter{})
	wantFault(t, err, fault.JobCancelled)
}

// TestDamagedClaim: behind a claim of nothing there is no place.
func TestDamagedClaim(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	resume(t, r.chain(2))
	r.memory.Put(rigKey, []byte("rubbish"))
	_, at := resume(t, r.chain(3))
	same(t, 0, at.N)
	same(t, events.DecisionRestarted, r.events()[0].Decision)
}

// oneOutput is a script with an output that is never committed, killed after its
// third place was saved.
func oneOutput(t *testing.T) (*rig, *script) {
	t.Helper()
	r := newRig(t)
	s := &script{sizes: []int{100_000}, strides: every(1_000)}
	ctx, k := newKiller(t.Context(), r.memory, 3, true)
	c := r.chain(1, func(o *Options) { o.Log = &k.log })
	if _, err := s.run(ctx, c); err == nil {
		t.Fatal("the script was not killed")
	}
	must(t, c.Close())
	return r, s
}

// TestDamagedOutputs removes and cuts each blob in the store. The attempt goes on
// somewhere, and its output is right.
func TestDamagedOutputs(t *testing.T) {
	t.Parallel()
	r, s := oneOutput(t)
	want := s.want(t)
	decisions := map[events.Decision]int{}
	for i := range r.blobs.Names() {
		for _, remove := range []bool{true, false} {
			r, s := oneOutput(t)
			names := r.blobs.Names()
			name := names[min(i, len(names)-1)]
			if remove {
				must(t, r.blobs.Delete(t.Context(), name, time.Time{}))
			} else {
				r.blobs.Damage(name, func(b []byte) []byte { return b[:len(b)-1] })
			}
			files, err := s.run(t.Context(), r.chain(2))
			must(t, err)
			same(t, want, files)
			decisions[r.events()[0].Decision]++
		}
	}
	if decisions[events.DecisionFellBack] == 0 || decisions[events.DecisionRestarted] == 0 {
		t.Errorf("decisions %v", decisions)
	}
}

// TestStoreFailsResume: when the store does not answer, nothing is decided.
func TestStoreFailsResume(t *testing.T) {
	t.Parallel()
	r, s := oneOutput(t)
	before := len(r.records())
	must(t, r.store.Close())
	_, err := s.run(t.Context(), r.chain(2))
	wantFault(t, err, fault.ArtifactClosed)
	same(t, before, len(r.records()))
}

// TestOtherChunkSize: outputs of a store with other chunks cannot be gone on with.
func TestOtherChunkSize(t *testing.T) {
	t.Parallel()
	r, s := oneOutput(t)
	c := r.chain(2, func(o *Options) {
		o.Store = artifact.New(r.blobs, &artifact.Options{ChunkSize: 2 * rigChunk})
	})
	files, err := s.run(t.Context(), c)
	must(t, err)
	same(t, s.want(t), files)
	e := r.events()[0]
	same(t, events.DecisionRestarted, e.Decision)
	if !strings.Contains(e.Reason, "output 0") {
		t.Fatal(e.Reason)
	}
}
