package checkpoint

import (
	"context"
	"errors"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

func undoing(o *Options) { o.Undo, o.Fresh = true, false }

// TestNothingGetsPastATombstone closes a chain that nobody has used, and wants every
// later attempt to be refused, at all doors.
func TestNothingGetsPastATombstone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 2 {
		left, err := r.chain(1, undoing).Bury(t.Context())
		must(t, err)
		if left && len(r.records()) == 0 {
			t.Error("something was left by nobody")
		}
	}
	if n := len(r.records()); n != 1 || r.newest().Kind != events.CheckpointClosed {
		t.Fatalf("%d records, the newest %+v", n, r.newest())
	}
	call := func(context.Context, string) (string, error) {
		t.Error("it is called all the same")
		return "", nil
	}
	for attempt := 1; attempt <= 2; attempt++ {
		_, err := r.chain(attempt).Effect(t.Context(), "a", call, nil)
		wantFault(t, err, fault.JobCancelled)
		_, err = r.chain(attempt).Repeat(t.Context(), "b", call)
		wantFault(t, err, fault.JobCancelled)
		run, err := r.chain(attempt).Resume(t.Context(), 1, new(int))
		if err == nil {
			err = run.Save(t.Context(), 1, 1)
		}
		wantFault(t, err, fault.JobCancelled)
	}
}

// TestBuryKeepsThePlace wants the undo to see where the work was, and its own effects
// to be made.
func TestBuryKeepsThePlace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	at := 7
	run, err := r.chain(1).Resume(t.Context(), 1, &at)
	must(t, err)
	must(t, run.Save(t.Context(), 7, 10))
	undo := r.chain(1, undoing)
	left, err := undo.Bury(t.Context())
	must(t, err)
	at = 0
	_, err = undo.Resume(t.Context(), 1, &at)
	must(t, err)
	if !left || at != 7 {
		t.Errorf("left %v, place %d", left, at)
	}
	receipt, err := undo.Repeat(t.Context(), "undo", func(context.Context, string) (string, error) { return "done", nil })
	must(t, err)
	if receipt != "done" {
		t.Errorf("receipt %q", receipt)
	}
	_, err = r.chain(1).Bury(t.Context())
	wantFault(t, err, fault.InternalBug)
}

// TestClosedBetweenLookAndIntent closes the chain when an attempt has looked, and is
// about to write its intent.
func TestClosedBetweenLookAndIntent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	attempt := r.chain(1, func(o *Options) { o.Log = &closing{Log: r.memory, r: r} })
	_, err := attempt.Effect(t.Context(), "a", func(context.Context, string) (string, error) {
		t.Error("it is called all the same")
		return "", nil
	}, nil)
	wantFault(t, err, fault.JobCancelled)
	known, err := r.chain(1, undoing).Known(t.Context(), "a")
	must(t, err)
	if known.State != events.EffectAbsent {
		t.Errorf("the ledger says %s", known.State)
	}
}

// closing is a log whose chain is closed by an undo before the first intent.
type closing struct {
	Log
	r *rig
}

func (c *closing) Append(ctx context.Context, k Key, after uint64, data []byte) (uint64, error) {
	if k.Effect != "" {
		if _, err := c.r.chain(1, undoing).Bury(ctx); err != nil {
			return 0, err
		}
	}
	return c.Log.Append(ctx, k, after, data)
}

// TestRepeat wants a change that failed in the middle to be open for the undo, to be
// made again by the next attempt, and not any more once its receipt is there.
func TestRepeat(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	calls := 0
	call := func(why error) Call {
		return func(context.Context, string) (string, error) {
			calls++
			return "receipt", why
		}
	}
	state := func(want events.EffectState) {
		t.Helper()
		known, err := r.chain(9, undoing).Known(t.Context(), "a")
		must(t, err)
		if known.State != want {
			t.Errorf("the ledger says %s, want %s", known.State, want)
		}
	}
	rejected := fault.New(fault.SubmitBadName, "", errors.New("no"))
	_, err := r.chain(1).Repeat(t.Context(), "a", call(NotDone(rejected)))
	wantFault(t, err, fault.SubmitBadName)
	state(events.EffectAbsent)
	_, err = r.chain(2).Repeat(t.Context(), "a", call(rejected))
	wantFault(t, err, fault.SubmitBadName)
	state(events.EffectIntended)
	for attempt := 3; attempt <= 4; attempt++ {
		receipt, err := r.chain(attempt).Repeat(t.Context(), "a", call(nil))
		must(t, err)
		if receipt != "receipt" || calls != 3 {
			t.Errorf("attempt %d: receipt %q after %d calls", attempt, receipt, calls)
		}
		state(events.EffectCommitted)
	}
}
