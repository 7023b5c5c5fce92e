package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

func TestOutputKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, _ := resume(t, r.chain(1))
	for _, key := range []string{"", strings.Repeat("k", maxKey+1)} {
		_, err := run.Output(t.Context(), key, nil)
		wantFault(t, err, fault.CheckpointBadKey)
	}
	w, err := run.Output(t.Context(), strings.Repeat("k", maxKey), nil)
	must(t, err)
	_, err = run.Output(t.Context(), strings.Repeat("k", maxKey), nil)
	wantFault(t, err, fault.CheckpointBadKey)
	w.Abort()
	again, err := run.Output(t.Context(), strings.Repeat("k", maxKey), nil)
	must(t, err)
	same(t, int64(0), again.Size())
	again.Abort()
}

// output opens an output and writes to it.
func output(t *testing.T, run *Run, key string, data []byte) *artifact.Writer {
	t.Helper()
	w, err := run.Output(t.Context(), key, nil)
	must(t, err)
	t.Cleanup(w.Abort)
	_, err = w.Write(data)
	must(t, err)
	return w
}

// TestOutputsOfAPlace: outputs that are open are in the place, those that have
// ended are not, and those that the stage has not asked for yet stay.
func TestOutputsOfAPlace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, _ := resume(t, r.chain(1))
	data := content(1, 10_000)
	for _, key := range []string{"a", "b", "c", "d"} {
		output(t, run, key, data)
	}
	_, err := run.open["c"].Commit()
	must(t, err)
	run.open["d"].Abort()
	must(t, run.Save(t.Context(), 10, 0))
	same(t, []string{"a", "b"}, keysOf(r.newest().Outputs))

	run, _ = resume(t, r.chain(2))
	a := output(t, run, "a", nil)
	same(t, int64(10_000), a.Size())
	output(t, run, "e", data)
	must(t, run.Save(t.Context(), 20, 0))
	same(t, []string{"a", "b", "e"}, keysOf(r.newest().Outputs))
	_, err = a.Commit()
	must(t, err)
	must(t, run.Save(t.Context(), 30, 0))
	same(t, []string{"b", "e"}, keysOf(r.newest().Outputs))

	run, _ = resume(t, r.chain(3))
	for key, size := range map[string]int64{"a": 0, "b": 10_000, "e": 10_000} {
		same(t, size, output(t, run, key, nil).Size())
	}
}

func keysOf(m map[string]json.RawMessage) []string {
	var keys []string
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		if m[key] != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// TestZombieWrites: what an overtaken attempt still writes to its outputs does not
// get into those of the one that has taken over.
func TestZombieWrites(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	old, _ := resume(t, r.chain(1))
	data := content(1, 50_000)
	zombie := output(t, old, "a", data[:20_000])
	must(t, old.Save(t.Context(), 20_000, 0))
	_, err := zombie.Write(bytes.Repeat([]byte("z"), 20_000))
	must(t, err)

	run, _ := resume(t, r.chain(2))
	w := output(t, run, "a", data[20_000:35_000])
	_, err = zombie.Write(bytes.Repeat([]byte("z"), 20_000))
	must(t, err)
	must(t, run.Save(t.Context(), 35_000, 0))
	wantFault(t, old.Save(t.Context(), 60_000, 0), fault.CheckpointOvertaken)
	_, err = zombie.Commit()
	must(t, err)
	_, err = w.Write(data[35_000:])
	must(t, err)
	file, err := w.Commit()
	must(t, err)
	rd, err := r.store.Open(t.Context(), file.Digest)
	must(t, err)
	defer rd.Close()
	got, err := io.ReadAll(rd)
	must(t, err)
	if !bytes.Equal(data, got) {
		t.Fatal("the content is another")
	}
}

// TestOutputLost: an output that goes missing after the claim is for the next
// attempt, which falls back.
func TestOutputLost(t *testing.T) {
	t.Parallel()
	r, _ := oneOutput(t)
	var at scriptState
	run, err := r.chain(2).Resume(t.Context(), 1, &at)
	must(t, err)
	for _, name := range r.blobs.Names() {
		must(t, r.blobs.Delete(t.Context(), name, time.Time{}))
	}
	_, err = run.Output(t.Context(), "0", nil)
	wantFault(t, err, fault.ArtifactNotFound)
	same(t, fault.Transient, fault.ClassOf(err))
}

// TestOutputAborted: a place whose output is dropped before it is stored is not
// saved, and the attempt goes on.
func TestOutputAborted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, _ := resume(t, r.chain(1))
	ctx, stop := context.WithCancelCause(t.Context())
	w, err := run.Output(ctx, "a", nil)
	must(t, err)
	_, err = w.Write(content(1, 20_000))
	must(t, err)
	stop(errDown)
	wantFault(t, run.Save(t.Context(), 1, 0), fault.BusUnreachable)
	w.Abort()
	must(t, run.Save(t.Context(), 2, 0))
	same(t, 0, len(r.newest().Outputs))
}

// TestStoreFull: a store that takes nothing more fails a save that somebody waits
// for, and an offer never.
func TestStoreFull(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, _ := resume(t, r.chain(1))
	output(t, run, "a", content(1, 100))
	r.blobs.FailWrites(0, -1, memstore.ErrFull)
	for done := int64(0); done < 4*rigBytes; done += 1_000 {
		must(t, run.Offer(t.Context(), done, 0))
	}
	wantFault(t, run.Save(t.Context(), 4*rigBytes, 0), fault.ArtifactDiskFull)
	r.blobs.FailWrites(0, 0, nil)
	must(t, run.Save(t.Context(), 5*rigBytes, 0))
	same(t, 1, r.newest().Saves)
}

// TestManyOutputs: a record with too many unfinished outputs is a bug of the
// stage, which it learns at its next offer.
func TestManyOutputs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.chain(1)
	run, _ := resume(t, c)
	run.kept = map[string]json.RawMessage{
		"k": json.RawMessage(`"` + strings.Repeat("x", maxRecord) + `"`),
	}
	must(t, run.Offer(t.Context(), rigBytes, 0))
	wantFault(t, run.Save(t.Context(), rigBytes, 0), fault.CheckpointTooLarge)
	wantFault(t, run.Offer(t.Context(), rigBytes+1, 0), fault.CheckpointTooLarge)
}

// TestBackPressure: at most one place is on its way; when half of the bytes was
// done since, the next offer waits for it.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	entered, release := make(chan int, 10), make(chan struct{})
	log := &faultyLog{Log: r.memory, before: func(_ context.Context, n int) error {
		entered <- n
		<-release
		return nil
	}}
	run, _ := resume(t, r.chain(1, func(o *Options) { o.Log = log }))
	const half = rigBytes / 2
	offer := func(done int64) error { return run.Offer(t.Context(), done, 0) }
	must(t, offer(1_000))
	must(t, offer(half-1_000)) // due
	same(t, 1, <-entered)
	for done := int64(half); done <= 2*half-3_000; done += 1_000 {
		must(t, offer(done)) // may be done meanwhile
	}
	// One that must wait, with a context that ends.
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errKilled)
	run.mu.Lock()
	if err := run.await(ctx); !errors.Is(err, errKilled) {
		t.Error(err)
	}
	run.mu.Unlock()
	waited := make(chan error)
	go func() { waited <- offer(2*half - 1_000) }()
	select {
	case err := <-waited:
		t.Fatalf("the offer did not wait: %v", err)
	case <-entered:
		t.Fatal("two places are on their way")
	case <-time.After(20 * time.Millisecond):
	}
	release <- struct{}{}
	must(t, <-waited)
	same(t, 2, <-entered)
	same(t, int64(half-1_000), r.newest().Done)
	release <- struct{}{}
	close(release)
	must(t, run.Save(t.Context(), 3*half, 0))
	same(t, 3, r.newest().Saves)
}

// TestWhenAPlaceIsTaken lists offers, and whether they are.
func TestWhenAPlaceIsTaken(t *testing.T) {
	t.Parallel()
	const quarter = rigBytes / 4
	for name, c := range map[string]struct {
		stride, ahead, done int64
		due                 bool
	}{
		"nothing done":          {0, 0, 0, false},
		"gone back":             {0, 0, -5, false},
		"little":                {100, 0, quarter - 1, false},
		"a quarter":             {100, 0, quarter, false},
		"before half":           {100, 0, 2*quarter - 100, false},
		"the next is past half": {100, 0, 2*quarter - 99, true},
		"half":                  {0, 0, 2*quarter + 1, true},
		"before half, ahead":    {100, 1_000, 2*quarter - 600, false},
		"half, ahead":           {100, 1_000, 2*quarter - 599, true},
		"far ahead, before":     {100, rigBytes, quarter - 100, false},
		"far ahead":             {100, rigBytes, quarter - 99, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run, _ := resume(t, newRig(t).chain(1))
			run.stride = c.stride
			run.Ahead(c.ahead)
			if due, must := run.due(c.done); due != c.due || must != c.due {
				t.Errorf("due %v, must %v", due, must)
			}
			// After a save that failed, half of that is enough.
			run.retry = true
			due, _ := run.due(c.done)
			same(t, c.done >= max(rigBytes-c.ahead, rigBytes/2)/4, due)
		})
	}
}

// TestDrainingWithOutputs: outputs that still can are saved too.
func TestDrainingWithOutputs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, at := resume(t, r.chain(1))
	at.N = 1
	ctx, stop := context.WithCancelCause(t.Context())
	w, err := run.Output(ctx, "a", nil)
	must(t, err)
	defer w.Abort()
	_, err = w.Write(content(1, 20_000))
	must(t, err)
	stop(fault.New(fault.StageDraining, "", nil))
	wantFault(t, run.Offer(ctx, 1, 0), fault.StageDraining)
	same(t, 0, len(r.records())) // the output has ended with its context

	small, err := run.Output(t.Context(), "b", nil)
	must(t, err)
	defer small.Abort()
	w.Abort()
	wantFault(t, run.Offer(ctx, 2, 0), fault.StageDraining)
	r.wantResume(2, 1, events.Resumed{Checkpoint: 1, Done: 2, Decision: events.DecisionResumed})
}
