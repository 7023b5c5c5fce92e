package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// counter is the state of a stage without outputs.
type counter struct {
	N int `json:"n"`
}

// resume begins the work of a chain at version 1 of a counter.
func resume(t *testing.T, c *Chain) (*Run, *counter) {
	t.Helper()
	at := &counter{}
	run, err := c.Resume(t.Context(), 1, at)
	must(t, err)
	return run, at
}

// saveTo lets an attempt save places until its counter is n.
func (r *rig) saveTo(attempt, n int) {
	r.t.Helper()
	c := r.chain(attempt)
	run, at := resume(r.t, c)
	for at.N < n {
		at.N++
		must(r.t, run.Save(r.t.Context(), int64(at.N)*100, 1_000))
	}
	must(r.t, c.Close())
}

// wantResume lets an attempt resume, and checks where and what it says of that.
func (r *rig) wantResume(attempt, n int, want events.Resumed, changes ...func(*Options)) {
	r.t.Helper()
	r.events()
	c := r.chain(attempt, changes...)
	run, at := resume(r.t, c)
	same(r.t, n, at.N)
	same(r.t, want.Done, run.Done())
	last, err := r.memory.Last(r.t.Context(), rigKey)
	must(r.t, err)
	want.Claim = last.Position
	same(r.t, []events.Resumed{want}, r.events())
	must(r.t, c.Close())
}

// TestFirstAttemptIsFree: while little is done, a fresh attempt neither reads nor
// writes the log.
func TestFirstAttemptIsFree(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log := &faultyLog{Log: r.memory}
	c := r.chain(1, func(o *Options) { o.Log = log })
	run, at := resume(t, c)
	for done := int64(0); done < rigBytes/4; done += 64 {
		at.N++
		must(t, run.Offer(t.Context(), done, 0))
	}
	must(t, c.Close())
	same(t, int64(0), log.calls.Load())
	same(t, 0, len(r.events()))
}

func TestResumeAtTheNewestPlace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 3)
	for i, rec := range r.records() {
		same(t, events.CheckpointSave, rec.Kind)
		same(t, uint64(i+1), rec.Sequence)
		same(t, i+1, rec.Saves)
		same(t, 1, rec.Attempt)
		same(t, stamp(rigStart), rec.Time)
	}
	r.wantResume(2, 3, events.Resumed{Checkpoint: 3, Done: 300, Total: 1_000, Percent: 30, Decision: events.DecisionResumed})
	claim := r.newest()
	same(t, events.CheckpointClaim, claim.Kind)
	same(t, uint64(4), claim.Sequence)
	same(t, `{"n":3}`, string(claim.State))
	same(t, 2, claim.Attempt)
	r.saveTo(3, 5)
	r.wantResume(4, 5, events.Resumed{Checkpoint: 5, Done: 500, Total: 1_000, Percent: 50, Decision: events.DecisionResumed})
	r.checkLinks()
}

// checkLinks holds each record that is kept against the one before it.
func (r *rig) checkLinks() {
	r.t.Helper()
	kept, err := r.memory.Kept(context.Background(), rigKey)
	must(r.t, err)
	recs := r.records()
	for i := 1; i < len(recs); i++ {
		same(r.t, digest(kept[i-1].Data), recs[i].Previous)
		same(r.t, recs[i-1].Sequence+1, recs[i].Sequence)
	}
}

// TestNothingToResume: an attempt that is not the first claims the chain also when
// there is no record, so that the one before it is refused.
func TestNothingToResume(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	zombie := r.chain(1)
	old, _ := resume(t, zombie)
	_, at := resume(t, r.chain(2))
	same(t, 0, at.N)
	claim := r.newest()
	same(t, events.DecisionStarted, claim.Decision)
	same(t, events.CheckpointClaim, claim.Kind)
	same(t, 0, len(r.events()))
	wantFault(t, old.Save(t.Context(), 1, 0), fault.CheckpointOvertaken)
}

// TestDyingEarlyKeepsThePlace lets more attempts die before their first save than
// records are kept.
func TestDyingEarlyKeepsThePlace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 2)
	for attempt := 2; attempt < 2+memoryKept+2; attempt++ {
		r.wantResume(attempt, 2, events.Resumed{
			Checkpoint: 2, Done: 200, Total: 1_000, Percent: 20, Decision: events.DecisionResumed,
		})
	}
	r.checkLinks()
}

func TestCause(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 1)
	want := events.Resumed{Checkpoint: 1, Done: 100, Total: 1_000, Percent: 10, Decision: events.DecisionResumed}
	want.Cause = &events.Fault{Code: "stage.timeout", Class: "timeout"}
	r.wantResume(2, 1, want, func(o *Options) { o.Cause = want.Cause })
	same(t, want.Cause, r.newest().Cause)

	// The same attempt again: the worker that had it gave no answer.
	info := fault.StageWorkerLost.Info()
	want.Cause = &events.Fault{
		Code: "stage.worker_lost", Class: "transient", Message: info.Text, Hint: info.Hint,
	}
	r.wantResume(2, 1, want)
	same(t, want.Cause, r.newest().Cause)
}

// TestUselessPlace: a place of another version, logic, stage or input is not used,
// and neither is one that the stage cannot read.
func TestUselessPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Options)
		reason string
	}{
		"logic":  {func(o *Options) { o.Logic = "zstd-2" }, `it was saved by logic "zstd-1", this is "zstd-2"`},
		"stage":  {func(o *Options) { o.Stage = "compress@2" }, "it was saved by compress@1, this is compress@2"},
		"inputs": {func(o *Options) { o.Inputs = "sha256:out" }, "the inputs are others"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.saveTo(1, 2)
			r.wantResume(2, 0, events.Resumed{Decision: events.DecisionRestarted, Reason: c.reason}, c.change)
			claim := r.newest()
			if claim.State != nil || claim.Reason != c.reason || claim.Sequence != 3 {
				t.Fatalf("claim %+v", claim)
			}
			// The next attempt begins at the start too, and has nothing to tell.
			c := r.chain(3, c.change)
			run, at := resume(t, c)
			same(t, 0, at.N)
			same(t, 0, len(r.events()))
			must(t, run.Save(t.Context(), 5, 0))
			same(t, 1, r.newest().Saves)
		})
	}
}

func TestOtherVersionOfTheState(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 2)
	at := counter{N: 7}
	run, err := r.chain(2).Resume(t.Context(), 2, &at)
	must(t, err)
	same(t, counter{N: 7}, at) // left alone
	same(t, int64(0), run.Done())
	list := r.events()
	same(t, events.DecisionRestarted, list[0].Decision)
	same(t, "its state has version 1, this stage reads 2", list[0].Reason)
}

func TestUnreadableState(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 2)
	at := struct{ M, N string }{M: "m", N: "n"}
	_, err := r.chain(2).Resume(t.Context(), 1, &at)
	must(t, err)
	same(t, struct{ M, N string }{M: "m", N: "n"}, at)
	e := r.events()[0]
	if e.Decision != events.DecisionRestarted || !strings.Contains(e.Reason, "cannot read its state") {
		t.Fatalf("%+v", e)
	}
}

// TestStateIsWhatItWas: what the stage had put into its state before is gone.
func TestStateIsWhatItWas(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	type state struct {
		A int   `json:"a,omitempty"`
		B []int `json:"b,omitempty"`
	}
	saved := state{B: []int{1}}
	run, err := r.chain(1).Resume(t.Context(), 1, &saved)
	must(t, err)
	must(t, run.Save(t.Context(), 1, 0))
	at := state{A: 9, B: []int{2, 3}}
	_, err = r.chain(2).Resume(t.Context(), 1, &at)
	must(t, err)
	same(t, state{B: []int{1}}, at)
}

func TestResumeMisused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, state := range []any{nil, counter{}, (*counter)(nil)} {
		_, err := r.chain(1).Resume(t.Context(), 1, state)
		wantFault(t, err, fault.InternalBug)
	}
	c := r.chain(1)
	resume(t, c)
	_, err := c.Resume(t.Context(), 1, &counter{})
	wantFault(t, err, fault.InternalBug)
	run, err := r.chain(1).Resume(t.Context(), 1, &map[string]any{"f": func() {}})
	must(t, err)
	wantFault(t, run.Save(t.Context(), 1, 0), fault.InternalBug)
}

// TestTellingFails: an attempt that cannot say where it goes on does not go on.
func TestTellingFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 1)
	_, err := r.chain(2, func(o *Options) {
		o.Resumed = func(context.Context, events.Resumed) error { return errDown }
	}).Resume(t.Context(), 1, &counter{})
	if !errors.Is(err, errDown) {
		t.Fatal(err)
	}
}

// TestLogFailsResume: an attempt that cannot claim does not begin.
func TestLogFailsResume(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 1)
	_, err := r.chain(2, func(o *Options) {
		o.Log = &faultyLog{Log: r.memory, reading: func() error { return errDown }}
	}).Resume(t.Context(), 1, &counter{})
	wantFault(t, err, fault.BusUnreachable)
	for _, stored := range []bool{false, true} {
		log := &faultyLog{Log: r.memory}
		fail := func(context.Context, int) error { return errDown }
		if log.before = fail; stored {
			log.before, log.after = nil, fail
		}
		_, err = r.chain(2, func(o *Options) { o.Log = log }).Resume(t.Context(), 1, &counter{})
		wantFault(t, err, fault.BusUnreachable)
	}
	r.wantResume(3, 1, events.Resumed{Checkpoint: 1, Done: 100, Total: 1_000, Percent: 10, Decision: events.DecisionResumed})
}

// TestUndo looks at the newest place of a closed chain and writes nothing.
func TestUndo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 2)
	r.memory.Put(rigKey, Closing(rigKey, "compress@1", 1, rigStart))
	before := len(r.records())
	for range 2 {
		run, at := resume(t, r.chain(1, func(o *Options) { o.Undo, o.Inputs, o.Fresh = true, "sha256:undo", false }))
		same(t, 2, at.N)
		same(t, int64(200), run.Done())
		must(t, run.Offer(t.Context(), 1<<30, 0))
		must(t, run.Save(t.Context(), 1<<31, 0))
	}
	same(t, before, len(r.records()))
	same(t, 0, len(r.events()))
}

// TestNothingKept: without a log, or with negative bytes, everything works and
// nothing is saved.
func TestNothingKept(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"no log":         func(o *Options) { o.Log = nil },
		"negative bytes": func(o *Options) { o.Bytes = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c := r.chain(2, change)
			s := &script{sizes: []int{100_000}, strides: every(1_000)}
			files, err := s.run(t.Context(), c)
			must(t, err)
			same(t, s.want(t), files)
			must(t, c.run.Save(t.Context(), 1, 1))
			must(t, c.Close())
			same(t, 0, len(r.records()))
			wantFault(t, c.run.Offer(t.Context(), 1, 1), fault.InternalBug)
		})
	}
}

// TestClaimRace: an older attempt that goes on saving does not keep a newer one
// from claiming; a worker with the same attempt that was faster does.
func TestClaimRace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	zombie := r.chain(1)
	old, at := resume(t, zombie)
	log := &faultyLog{Log: r.memory, before: func(_ context.Context, n int) error {
		if n <= 3 {
			at.N++
			return old.Save(context.Background(), int64(at.N), 0)
		}
		return nil
	}}
	r.saveIn(old, at)
	run, found := resume(t, r.chain(2, func(o *Options) { o.Log = log }))
	same(t, 4, found.N)
	same(t, int64(4), run.Done())
	wantFault(t, old.Save(t.Context(), 9, 0), fault.CheckpointOvertaken)

	faster := &faultyLog{Log: r.memory, before: func(_ context.Context, n int) error {
		if n > 1 {
			return nil
		}
		_, err := r.chain(3).Resume(context.Background(), 1, &counter{})
		return err
	}}
	_, err := r.chain(3, func(o *Options) { o.Log = faster }).Resume(t.Context(), 1, &counter{})
	wantFault(t, err, fault.CheckpointOvertaken)
	same(t, 1, faster.appends)
}

// saveIn saves one more place of a run.
func (r *rig) saveIn(run *Run, at *counter) {
	r.t.Helper()
	at.N++
	must(r.t, run.Save(r.t.Context(), int64(at.N), 0))
}

// TestOlderAttempt: an attempt that comes late, after a newer one has begun, gives
// way.
func TestOlderAttempt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	resume(t, r.chain(3))
	_, err := r.chain(2).Resume(t.Context(), 1, &counter{})
	wantFault(t, err, fault.CheckpointOvertaken)
}

// TestRecordIsWhole looks at all fields of a save and of a claim.
func TestRecordIsWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 1)
	cause := &events.Fault{Code: "stage.timeout", Class: "timeout", Message: "m"}
	r.wantResume(2, 1, events.Resumed{
		Checkpoint: 1, Done: 100, Total: 1_000, Percent: 10, Decision: events.DecisionResumed, Cause: cause,
	}, func(o *Options) { o.Cause, o.Worker = cause, "host/2" })
	kept, err := r.memory.Kept(t.Context(), rigKey)
	must(t, err)
	save := events.Checkpoint{
		Job: "job", Tenant: "default", Step: "pack", Stage: "compress@1", Logic: "zstd-1", Attempt: 1,
		Worker: "host/1", Kind: events.CheckpointSave, Sequence: 1, Inputs: "sha256:in", Version: 1,
		State: json.RawMessage(`{"n":1}`), Saves: 1, Done: 100, Total: 1_000,
		Time: time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC),
	}
	claim := save
	claim.Attempt, claim.Worker, claim.Kind, claim.Sequence = 2, "host/2", events.CheckpointClaim, 2
	claim.Previous, claim.Cause, claim.Decision = digest(kept[0].Data), cause, events.DecisionResumed
	same(t, []*events.Checkpoint{&save, &claim}, r.records())
}
