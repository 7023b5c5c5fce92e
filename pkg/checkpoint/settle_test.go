package checkpoint_test

import (
	"context"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

func TestWord(t *testing.T) {
	t.Parallel()
	for word, test := range map[events.Settlement]struct {
		calls  int
		states []events.EffectState
	}{
		events.SettleDone:    {0, []events.EffectState{intended, unknown, unknown, committed}},
		events.SettleNotDone: {1, []events.EffectState{unknown, unknown, absent, intended, committed}},
	} {
		t.Run(string(word), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.dies(1, d.does)
			d.calls = 0
			for n := 2; n <= 3; n++ { // saying nothing settles nothing
				if _, err := d.attempt(n, "").Effect(t.Context(), "post", d.does, nil); !fault.Has(err, fault.EffectUnknown) {
					t.Errorf("attempt %d: %v", n, err)
				}
			}
			if _, err := d.attempt(4, word).Effect(t.Context(), "post", d.does, nil); err != nil {
				t.Error(err)
			}
			d.ends(test.calls, test.states...)
		})
	}
}

// TestWordIsForWhatWasAsked crashes an attempt that has a person's word, in the
// call of another effect of the step, and gives its task to another worker.
func TestWordIsForWhatWasAsked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, word := range []events.Settlement{events.SettleDone, events.SettleNotDone} {
		d.dies(2, d.does)
		for range 2 {
			if _, err := d.attempt(2, word).Effect(t.Context(), "post", d.does, nil); !fault.Has(err, fault.EffectUnknown) {
				t.Errorf("the word %s settled what nobody was asked about: %v", word, err)
			}
		}
		if d.calls != 1 {
			t.Fatalf("%d calls", d.calls)
		}
		if word == events.SettleDone {
			d = newDesk(t)
		}
	}
	if _, err := d.attempt(3, events.SettleDone).Effect(t.Context(), "post", d.does, nil); err != nil {
		t.Error(err)
	}
	d.ends(1, intended, unknown, committed)
}

func TestSettle(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	settle := func(n int, v checkpoint.Verify, made bool, want fault.Code) {
		t.Helper()
		receipt, got, err := d.attempt(n, "").Settle(t.Context(), "post", v)
		if want == "" && (err != nil || got != made || made && receipt != "found") || want != "" && !fault.Has(err, want) {
			t.Errorf("%q, %v, %v", receipt, got, err)
		}
	}
	settle(1, nil, false, "")
	d.dies(1, d.does)
	settle(2, nil, false, fault.EffectUnknown)
	settle(3, d.answers("", checkpoint.ErrUnknown), false, fault.EffectUnknown)
	settle(4, d.answers("", errLost), false, fault.BusTimeout)
	settle(5, d.answers("found", nil), true, "")
	settle(6, nil, true, "")
	d.ends(1, intended, unknown, unknown, committed)
}

func TestReceiptTooLarge(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	large := func(context.Context, string) (string, error) {
		d.calls++
		return strings.Repeat("x", 4<<10+1), nil
	}
	if receipt, err := d.attempt(1, "").Effect(t.Context(), "post", large, nil); receipt != "" || !fault.Has(err, fault.CheckpointTooLarge) {
		t.Errorf("%.20q, %v", receipt, err)
	}
	if receipt, err := d.attempt(2, "").Effect(t.Context(), "post", large, nil); receipt != "" || err != nil {
		t.Errorf("again: %q, %v", receipt, err)
	}
	d.ends(1, intended, committed)
}

func TestReceiptIsKeptAsItIsReturned(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	odd := func(context.Context, string) (string, error) {
		d.calls++
		return "a\xff<\x00\u2028" + strings.Repeat("\"", 4000), nil
	}
	first, err := d.attempt(1, "").Effect(t.Context(), "post", odd, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.attempt(2, "").Effect(t.Context(), "post", odd, nil)
	if first != second || err != nil {
		t.Errorf("%.20q and then %.20q, %v", first, second, err)
	}
	d.ends(1, intended, committed)
}

// TestLogAnswersLost loses the answers of the log to each record, stored or not,
// for a while or for good.
func TestLogAnswersLost(t *testing.T) {
	t.Parallel()
	only := func(list ...int) func(int) error {
		return func(n int) error {
			for _, x := range list {
				if x == n {
					return errLost
				}
			}
			return nil
		}
	}
	for name, test := range map[string]struct {
		before, after func(int) error
		want          fault.Code
		calls         int
		states        []events.EffectState
	}{
		"intent stored, answer lost":      {nil, only(1), "", 1, []events.EffectState{intended, committed}},
		"intent not stored at first":      {only(1), nil, "", 1, []events.EffectState{intended, committed}},
		"intent never stored":             {only(1, 2, 3, 4), nil, fault.BusTimeout, 0, nil},
		"intent stored, no answer, ever":  {only(2, 3, 4), only(1), fault.BusTimeout, 0, []events.EffectState{intended}},
		"receipt stored, answer lost":     {nil, only(2), "", 1, []events.EffectState{intended, committed}},
		"receipt not stored at first":     {only(2, 3), nil, "", 1, []events.EffectState{intended, committed}},
		"receipt never stored":            {only(2, 3, 4, 5), nil, fault.BusTimeout, 1, []events.EffectState{intended}},
		"receipt stored, no answer, ever": {only(3, 4, 5), only(2), fault.BusTimeout, 1, []events.EffectState{intended, committed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.log.before, d.log.after = test.before, test.after
			_, err := d.attempt(1, "").Effect(t.Context(), "post", d.does, nil)
			if test.want == "" && err != nil || test.want != "" && !fault.Has(err, test.want) {
				t.Errorf("got %v", err)
			}
			d.ends(test.calls, test.states...)
		})
	}
}

// TestContextEnds ends the attempt at moments at which something must be recorded.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	drain := fault.New(fault.StageDraining, "", nil)
	for name, test := range map[string]struct {
		call   error
		early  bool
		want   error
		calls  int
		states []events.EffectState
	}{
		"before the call":           {nil, true, drain, 0, []events.EffectState{intended, absent}},
		"in a call that comes back": {nil, false, nil, 1, []events.EffectState{intended, committed}},
		"in a call that is cut":     {errCut, false, errCut, 1, []events.EffectState{intended}},
		"in a call that is refused": {checkpoint.NotDone(errCut), false, errCut, 1, []events.EffectState{intended, absent}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			if test.early {
				d.log.after = func(n int) error {
					if n == 1 {
						stop(drain)
					}
					return nil
				}
			}
			_, err := d.attempt(1, "").Effect(ctx, "post", func(context.Context, string) (string, error) {
				d.calls++
				stop(drain)
				return "receipt", test.call
			}, nil)
			if err != test.want && !fault.Has(err, fault.From(test.want).Code) {
				t.Errorf("got %v", err)
			}
			d.ends(test.calls, test.states...)
		})
	}
}
