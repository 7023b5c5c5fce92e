package checkpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/schemas"
)

// desk is one effect with the other side that it is made at.
type desk struct {
	*testing.T
	log   *shakyLog
	calls int
	asked int
	ids   map[string]bool
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, log: &shakyLog{Memory: checkpoint.NewMemory()}, ids: map[string]bool{}}
	t.Cleanup(d.valid)
	return d
}

var step = checkpoint.Key{Tenant: "default", Job: "job", Step: "tell"}

// attempt returns the chain of an attempt; word is what a person said.
func (d *desk) attempt(n int, word events.Settlement) *checkpoint.Chain {
	return checkpoint.New(checkpoint.Options{
		Log: d.log, Key: step, Attempt: n, Worker: "host/1", Settle: word,
	})
}

// does is a call that succeeds.
func (d *desk) does(_ context.Context, id string) (string, error) {
	d.calls++
	d.ids[id] = true
	return "receipt", nil
}

// fails is a call that fails with err.
func (d *desk) fails(err error) checkpoint.Call {
	return func(context.Context, string) (string, error) {
		d.calls++
		return "", err
	}
}

// answers is a verify.
func (d *desk) answers(receipt string, err error) checkpoint.Verify {
	return func(_ context.Context, id string) (string, error) {
		d.asked++
		if id != events.EffectID(step.Tenant, step.Job, step.Step, "post") {
			d.Errorf("asked for %s", id)
		}
		return receipt, err
	}
}

func (d *desk) states() []events.EffectState {
	var list []events.EffectState
	for _, r := range d.records() {
		list = append(list, r.State)
	}
	return list
}

func (d *desk) records() []events.Effect {
	d.Helper()
	k := step
	k.Effect = events.EffectID(step.Tenant, step.Job, step.Step, "post")
	kept, err := d.log.Kept(context.WithoutCancel(d.Context()), k)
	if err != nil {
		d.Fatal(err)
	}
	var list []events.Effect
	for _, e := range kept {
		var r events.Effect
		if err := json.Unmarshal(e.Data, &r); err == nil {
			list = append(list, r)
		}
	}
	return list
}

// valid checks what was ever written against the schema.
func (d *desk) valid() {
	for _, data := range d.log.written {
		if list := schemas.Validate("effect", data); len(list) > 0 {
			d.Errorf("%s: %v", data, list)
		}
	}
}

// ends checks how the effect ended.
func (d *desk) ends(calls int, states ...events.EffectState) {
	d.Helper()
	if d.calls != calls {
		d.Errorf("%d calls, want %d", d.calls, calls)
	}
	if diff := cmp.Diff(states, d.states()); diff != "" {
		d.Error(diff)
	}
	if len(d.ids) > 1 {
		d.Errorf("the calls have the ids %v", d.ids)
	}
}

// shakyLog is a log whose appends can be tampered with.
type shakyLog struct {
	*checkpoint.Memory
	// before is asked before an append, with its number from 1, and after it.
	before, after func(n int) error

	mu      sync.Mutex
	n       int
	written [][]byte
}

// Append asks before and after.
func (l *shakyLog) Append(ctx context.Context, k checkpoint.Key, at uint64, data []byte) (uint64, error) {
	l.mu.Lock()
	l.n++
	n := l.n
	l.written = append(l.written, data)
	l.mu.Unlock()
	if l.before != nil {
		if err := l.before(n); err != nil {
			return 0, err
		}
	}
	pos, err := l.Memory.Append(ctx, k, at, data)
	if err == nil && l.after != nil {
		err = l.after(n)
	}
	return pos, err
}

var (
	errLost  = fault.New(fault.BusTimeout, "", nil)
	errCut   = fault.New(fault.HttpcallNoAnswer, "", nil)
	errFinal = fault.New(fault.HttpcallRejected, "", nil)
)

const (
	intended  = events.EffectIntended
	committed = events.EffectCommitted
	absent    = events.EffectAbsent
	unknown   = events.EffectUnknown
)

func TestEffect(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for n := 1; n <= 3; n++ {
		receipt, err := d.attempt(n, "").Effect(t.Context(), "post", d.does, nil)
		if err != nil || receipt != "receipt" {
			t.Fatalf("attempt %d: %q, %v", n, receipt, err)
		}
	}
	d.ends(1, intended, committed)
	receipt, state, err := d.attempt(4, "").Made(t.Context(), "post")
	if receipt != "receipt" || state != committed || err != nil {
		t.Errorf("made: %q, %s, %v", receipt, state, err)
	}
	if _, state, err := d.attempt(4, "").Made(t.Context(), "other"); state != "" || err != nil {
		t.Errorf("another: %s, %v", state, err)
	}
	for _, r := range d.records() {
		if !d.ids[r.ID] || r.Key != "post" || r.Attempt != 1 || r.Worker != "host/1" || r.Call == "" || r.Time.IsZero() {
			t.Errorf("record %+v", r)
		}
	}
}

func TestEffectRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, key := range []string{"", strings.Repeat("k", 129), "\xff"} {
		if _, err := d.attempt(1, "").Effect(t.Context(), key, d.does, nil); !fault.Has(err, fault.CheckpointBadKey) {
			t.Errorf("key %q: %v", key, err)
		}
	}
	if _, err := checkpoint.New(checkpoint.Options{Key: step}).Effect(t.Context(), "post", d.does, nil); !fault.Has(err, fault.EffectRefused) {
		t.Errorf("without a log: %v", err)
	}
	c := d.attempt(1, "")
	if _, err := c.Effect(t.Context(), "post", func(ctx context.Context, _ string) (string, error) {
		_, err := c.Effect(ctx, "post", d.does, nil)
		return "", checkpoint.NotDone(err)
	}, nil); !fault.Has(err, fault.CheckpointBadKey) {
		t.Errorf("inside itself: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Effect(t.Context(), "post", d.does, nil); err == nil {
		t.Error("made after Close")
	}
	d.ends(0, intended, absent)
}

// TestEffectErrors ends the call of a first attempt in each way.
func TestEffectErrors(t *testing.T) {
	t.Parallel()
	plain := errors.New("plain")
	for name, test := range map[string]struct {
		err    error
		verify error // nil: none
		want   error
		states []events.EffectState
	}{
		"not done":             {checkpoint.NotDone(errCut), nil, errCut, []events.EffectState{intended, absent}},
		"not done, plain":      {checkpoint.NotDone(plain), nil, plain, []events.EffectState{intended, absent}},
		"not done, no error":   {checkpoint.NotDone(nil), nil, checkpoint.ErrAbsent, []events.EffectState{intended, absent}},
		"comes again":          {errCut, checkpoint.ErrAbsent, errCut, []events.EffectState{intended}},
		"plain comes again":    {plain, checkpoint.ErrAbsent, plain, []events.EffectState{intended}},
		"nobody can look":      {errCut, nil, errCut, []events.EffectState{intended, unknown}},
		"final, absent":        {errFinal, checkpoint.ErrAbsent, errFinal, []events.EffectState{intended, absent}},
		"final, unknown":       {errFinal, checkpoint.ErrUnknown, errFinal, []events.EffectState{intended, unknown}},
		"final, cannot be now": {errFinal, errLost, errFinal, []events.EffectState{intended, unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			var verify checkpoint.Verify
			if test.verify != nil {
				verify = d.answers("", test.verify)
			}
			c := d.attempt(1, "")
			_, err := c.Effect(t.Context(), "post", d.fails(test.err), verify)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v", err)
			}
			lost := test.states[len(test.states)-1] == unknown
			if fault.Has(err, fault.EffectUnknown) != lost || (c.Unknown() == "post") != lost {
				t.Errorf("got %v, unknown %q", err, c.Unknown())
			}
			d.ends(1, test.states...)
		})
	}
}

func TestEffectFinalErrorOfAMadeCall(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	receipt, err := d.attempt(1, "").Effect(t.Context(), "post", d.fails(errFinal), d.answers("found", nil))
	if receipt != "found" || err != nil {
		t.Errorf("%q, %v", receipt, err)
	}
	d.ends(1, intended, committed)
}

// TestEffectAfterACrash is the second attempt after one that died with the intent
// stored.
func TestEffectAfterACrash(t *testing.T) {
	t.Parallel()
	both := []events.EffectState{intended}
	for name, test := range map[string]struct {
		verify func(d *desk) checkpoint.Verify
		want   fault.Code
		calls  int
		states []events.EffectState
	}{
		"made":         {func(d *desk) checkpoint.Verify { return d.answers("receipt", nil) }, "", 0, append(both, committed)},
		"not made":     {func(d *desk) checkpoint.Verify { return d.answers("", checkpoint.ErrAbsent) }, "", 1, append(both, absent, intended, committed)},
		"cannot tell":  {func(d *desk) checkpoint.Verify { return d.answers("", checkpoint.ErrUnknown) }, fault.EffectUnknown, 0, append(both, unknown)},
		"cannot ask":   {func(d *desk) checkpoint.Verify { return d.answers("", errLost) }, fault.BusTimeout, 0, both},
		"cannot, ever": {func(*desk) checkpoint.Verify { return nil }, fault.EffectUnknown, 0, append(both, unknown)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.dies(1, d.does)
			d.calls = 0
			c := d.attempt(2, "")
			receipt, err := c.Effect(t.Context(), "post", d.does, test.verify(d))
			if test.want == "" && (err != nil || receipt != "receipt") || test.want != "" && !fault.Has(err, test.want) {
				t.Errorf("%q, %v", receipt, err)
			}
			if (c.Unknown() == "post") != (test.want == fault.EffectUnknown) {
				t.Errorf("unknown is %q", c.Unknown())
			}
			d.ends(test.calls, test.states...)
		})
	}
}

// dies is an attempt that dies in its call.
func (d *desk) dies(n int, call checkpoint.Call) {
	d.Helper()
	defer func() {
		if recover() == nil {
			d.Error("did not die")
		}
	}()
	_, _ = d.attempt(n, "").Effect(d.Context(), "post", func(ctx context.Context, id string) (string, error) {
		_, _ = call(ctx, id) // its answer never comes
		panic("killed")
	}, nil)
}

func TestEffectRecordDamaged(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k := step
	k.Effect = events.EffectID(step.Tenant, step.Job, step.Step, "post")
	for _, rubbish := range []string{"", "{", `{"state":"committed"}`, `{"state":"odd"}`, "\x00"} {
		d.log.Put(k, []byte(rubbish))
		if _, err := d.attempt(1, "").Effect(t.Context(), "post", d.does, nil); !fault.Has(err, fault.EffectUnknown) {
			t.Errorf("%q: %v", rubbish, err)
		}
		if receipt, err := d.attempt(2, events.SettleDone).Effect(t.Context(), "post", d.does, nil); receipt != "" || err != nil {
			t.Errorf("%q, with a word: %q, %v", rubbish, receipt, err)
		}
	}
	if d.calls != 0 {
		t.Errorf("%d calls", d.calls)
	}
}
