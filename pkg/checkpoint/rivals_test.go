package checkpoint_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// TestTwoWorkers lets workers with the same task make the same effect at once.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	for range 50 {
		d := newDesk(t)
		var calls, receipts atomic.Int32
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				receipt, err := d.attempt(1, "").Effect(t.Context(), "post", func(context.Context, string) (string, error) {
					calls.Add(1)
					return "receipt", nil
				}, nil)
				switch {
				case err == nil && receipt == "receipt":
					receipts.Add(1)
				case fault.Has(err, fault.CheckpointOvertaken), fault.Has(err, fault.EffectUnknown):
				default:
					t.Errorf("%q, %v", receipt, err)
				}
			})
		}
		wg.Wait()
		if calls.Load() != 1 {
			t.Fatalf("%d calls, %v", calls.Load(), d.states())
		}
		if states := d.states(); states[len(states)-1] != committed {
			t.Fatalf("ends as %v", states)
		}
	}
}

// TestZombieBeforeIntent is overtaken after it looked and before it writes.
func TestZombieBeforeIntent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.log.before = func(n int) error {
		if n == 1 {
			if _, err := d.attempt(2, "").Effect(t.Context(), "post", d.does, nil); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	receipt, err := d.attempt(1, "").Effect(t.Context(), "post", d.does, nil)
	if receipt != "receipt" || err != nil {
		t.Errorf("%q, %v", receipt, err)
	}
	d.ends(1, intended, committed)
}

// TestSuccessorMeetsZombie has its intent refused because of a zombie, which is
// no reason to stop.
func TestSuccessorMeetsZombie(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.log.before = func(n int) error {
		if n == 1 {
			d.dies(1, d.does)
		}
		return nil
	}
	_, err := d.attempt(2, "").Effect(t.Context(), "post", d.does, d.answers("found", nil))
	if err != nil {
		t.Error(err)
	}
	d.ends(1, intended, committed)
}

// TestSameAttemptIsCalling has its intent refused by a worker that has the same
// attempt and is in its call.
func TestSameAttemptIsCalling(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.log.before = func(n int) error {
		if n == 1 {
			d.dies(2, d.does)
		}
		return nil
	}
	if _, err := d.attempt(2, "").Effect(t.Context(), "post", d.does, nil); !fault.Has(err, fault.CheckpointOvertaken) {
		t.Errorf("got %v", err)
	}
	d.ends(1, intended)
}

// TestLateAnswer settles an effect while its call is under way, and lets the call
// come back afterwards.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		verify error // nil: none
		late   error
		states []events.EffectState
	}{
		"made, was unknown":     {nil, nil, []events.EffectState{intended, unknown, committed}},
		"not made, was unknown": {nil, checkpoint.NotDone(errCut), []events.EffectState{intended, unknown, absent}},
		"open, was unknown":     {nil, errCut, []events.EffectState{intended, unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			_, err := d.attempt(1, "").Effect(t.Context(), "post", func(ctx context.Context, id string) (string, error) {
				if _, err := d.attempt(2, "").Effect(ctx, "post", d.does, nil); !fault.Has(err, fault.EffectUnknown) {
					t.Errorf("successor: %v", err)
				}
				receipt, _ := d.does(ctx, id)
				return receipt, test.late
			}, nil)
			if !fault.Has(err, fault.CheckpointOvertaken) {
				t.Errorf("got %v", err)
			}
			d.ends(1, test.states...)
		})
	}
}

// TestLateAnswerPreventsASecondCall comes between the finding that a call was
// not made and the intent of the next.
func TestLateAnswerPreventsASecondCall(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	called, settled, back := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := d.attempt(1, "").Effect(t.Context(), "post", func(ctx context.Context, id string) (string, error) {
			receipt, _ := d.does(ctx, id)
			close(called)
			<-settled
			return receipt, nil
		}, nil)
		back <- err
	}()
	<-called
	d.log.before = func(n int) error {
		if n == 3 { // the second intent, after intended and absent
			close(settled)
			if err := <-back; !fault.Has(err, fault.CheckpointOvertaken) {
				t.Errorf("zombie: %v", err)
			}
		}
		return nil
	}
	receipt, err := d.attempt(2, "").Effect(t.Context(), "post", d.does, d.answers("", checkpoint.ErrAbsent))
	if receipt != "receipt" || err != nil {
		t.Errorf("%q, %v", receipt, err)
	}
	d.ends(1, intended, absent, committed)
}

// TestCancelled closes the chain of the step before an effect.
func TestCancelled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.log.Put(step, checkpoint.Closing(step, "tell@1", 1, time.Now()))
	if _, err := d.attempt(1, "").Effect(t.Context(), "post", d.does, nil); !fault.Has(err, fault.JobCancelled) {
		t.Errorf("got %v", err)
	}
	d.ends(0)
	undo := checkpoint.New(checkpoint.Options{Log: d.log, Key: step, Attempt: 1, Undo: true})
	if _, err := undo.Effect(t.Context(), "post", d.does, nil); err != nil {
		t.Errorf("of an undo: %v", err)
	}
	d.ends(1, intended, committed)
}
