package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// ledger is what a chain remembers of its effects. The zero value is ready.
type ledger struct {
	mu      sync.Mutex
	busy    map[string]bool
	unknown string
}

// take marks a key as being worked on, or reports that it is.
func (l *ledger) take(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[key] {
		return false
	}
	if l.busy == nil {
		l.busy = map[string]bool{}
	}
	l.busy[key] = true
	return true
}

func (l *ledger) give(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, key)
}

// lose notes the first effect that nobody can tell of.
func (l *ledger) lose(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unknown == "" {
		l.unknown = key
	}
}

// Unknown is the stage's name for the first effect of this attempt that nobody
// could tell of. Empty means that there was none.
func (c *Chain) Unknown() string {
	c.effects.mu.Lock()
	defer c.effects.mu.Unlock()
	return c.effects.unknown
}

// Made returns what is known of an effect, without finding out more. The state is
// empty when nothing is recorded, and unknown when the record is damaged.
//
// Faults: those of [Chain.Known].
func (c *Chain) Made(ctx context.Context, key string) (receipt string, state events.EffectState, err error) {
	known, err := c.Known(ctx, key)
	return known.Receipt, known.State, err
}

// Known returns the newest record of an effect: an empty one when there is none,
// and one with nothing but the state unknown when it is damaged.
//
// Faults: effect.refused when the chain has no log, checkpoint.bad_key, and those
// of the log.
func (c *Chain) Known(ctx context.Context, key string) (events.Effect, error) {
	e, err := c.named(key)
	if err != nil {
		return events.Effect{}, err
	}
	err = e.read(ctx)
	return e.last, err
}

// effect is one effect as an attempt knows it.
type effect struct {
	c   *Chain
	key string
	log Key
	// last is the newest record, at its position; empty when there is none. Of a
	// damaged one only the state unknown is left.
	last    events.Effect
	at      uint64
	damaged bool
	// repeats says that it may be made again, whatever came of it before.
	repeats bool
	// call names the call that the next record is about.
	call string
}

// effect returns an effect to work on, and what gives it back.
func (c *Chain) effect(key string) (*effect, func(), error) {
	e, err := c.named(key)
	if err != nil {
		return nil, nil, err
	}
	if !c.effects.take(key) {
		return nil, nil, fault.New(fault.CheckpointBadKey, "effect "+key+" is being made", nil)
	}
	return e, func() { c.effects.give(key) }, nil
}

func (c *Chain) named(key string) (*effect, error) {
	if c.o.Log == nil {
		return nil, fault.New(fault.EffectRefused, "effect "+fault.Clip(key, 128), nil)
	}
	if err := c.failed(); err != nil {
		return nil, err
	}
	if key == "" || len(key) > 128 || !utf8.ValidString(key) {
		return nil, fault.New(fault.CheckpointBadKey, "an effect has a name of 1 to 128 bytes of UTF-8", nil)
	}
	k := c.o.Key
	k.Effect = events.EffectID(k.Tenant, k.Job, k.Step, key)
	return &effect{c: c, key: key, log: k}, nil
}

// read reads the newest record.
func (e *effect) read(ctx context.Context) error {
	e.last, e.at, e.call, e.damaged = events.Effect{}, 0, "", false
	entry, err := e.c.o.Log.Last(ctx, e.log)
	switch {
	case fault.Has(err, fault.CheckpointNone):
		return nil
	case err != nil:
		return err
	}
	e.at = entry.Position
	if err := json.Unmarshal(entry.Data, &e.last); err != nil || !e.ours() {
		e.last, e.damaged = events.Effect{State: events.EffectUnknown}, true
	}
	e.call = e.last.Call
	return nil
}

// ours reports whether the record read is one of this effect.
func (e *effect) ours() bool {
	switch e.last.State {
	case events.EffectIntended, events.EffectCommitted, events.EffectAbsent, events.EffectUnknown:
	default:
		return false
	}
	return e.last.ID == e.log.Effect && e.last.Key == e.key &&
		e.last.Tenant == e.log.Tenant && e.last.Job == e.log.Job && e.last.Step == e.log.Step
}

// record is write, for what is known of a call that was made. When somebody has
// written since, it is the better knowledge of what that one had to leave open.
func (e *effect) record(ctx context.Context, state events.EffectState, receipt, reason string) error {
	mine := e.call
	refused := e.write(ctx, state, receipt, reason)
	if !fault.Has(refused, fault.CheckpointOvertaken) {
		return refused
	}
	if err := e.read(ctx); err != nil {
		e.warn("overtaken effect cannot be read", err)
		return refused
	}
	open := e.last.State == events.EffectUnknown ||
		e.last.State == events.EffectAbsent && state == events.EffectCommitted
	switch {
	case state == events.EffectUnknown:
	case e.call == mine && open:
		if err := e.write(ctx, state, receipt, "late: "+reason); err != nil {
			e.warn("late answer to an effect is not recorded", err)
		}
	case e.call != mine && state == events.EffectCommitted:
		e.warn("effect may have been made twice", refused)
	}
	return refused
}

// tries is how often a record is written when the log does not say whether it is.
const tries = 4

// write appends a record after the newest known one. When the log gives no clear
// answer, the same record is written again: it is refused if it is there by then,
// or if somebody else has written, and the two are told apart by reading.
func (e *effect) write(ctx context.Context, state events.EffectState, receipt, reason string) error {
	rec := events.Effect{
		Job: e.log.Job, Tenant: e.log.Tenant, Step: e.log.Step, Key: e.key, ID: e.log.Effect,
		State: state, Attempt: e.c.o.Attempt, Worker: fault.Clip(e.c.o.Worker, maxName), Call: e.call,
		Receipt: receipt, Reason: fault.Clip(reason, maxReason), Time: stamp(e.c.o.Now()),
	}
	data, err := json.Marshal(rec)
	if err != nil {
		return fault.New(fault.InternalBug, "encode effect "+e.key, err)
	}
	for i := range tries {
		if i > 0 && !pause(ctx, 25*time.Millisecond<<i) {
			return err
		}
		var at uint64
		at, err = e.c.o.Log.Append(ctx, e.log, e.at, data)
		if i > 0 && fault.Has(err, fault.CheckpointOvertaken) {
			at, err = e.found(ctx, data, err)
		}
		if err == nil {
			e.last, e.at, e.damaged = rec, at, false
			return nil
		}
		if fault.Has(err, fault.CheckpointOvertaken) {
			return err
		}
	}
	return err
}

// found returns the position of a record if it is the newest, and refused if
// another one is.
func (e *effect) found(ctx context.Context, data []byte, refused error) (uint64, error) {
	entry, err := e.c.o.Log.Last(ctx, e.log)
	switch {
	case err != nil:
		return 0, err
	case !bytes.Equal(entry.Data, data):
		return 0, refused
	}
	return entry.Position, nil
}

func overtaken(key string) error {
	return fault.New(fault.CheckpointOvertaken, "effect "+key, nil)
}

func (e *effect) warn(what string, err error) {
	e.c.o.Slog.Warn(what, "job", e.log.Job, "step", e.log.Step, "effect", e.key,
		"attempt", e.c.o.Attempt, "error", err)
}

// lingers is how long a record may take after the context of an attempt has
// ended. It is less than the grace of a stage.
const lingers = 2 * time.Second

// linger returns a context that outlives ctx by a moment, for what must be
// recorded because a call was made. stop releases it.
func linger(ctx context.Context) (_ context.Context, stop func()) {
	after, cancel := context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() { time.AfterFunc(lingers, cancel) })
	return after, func() {
		forget()
		cancel()
	}
}

// pause waits, and reports whether ctx still lasts.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
