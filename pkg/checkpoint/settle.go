package checkpoint

import (
	"context"
	"errors"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Settle finds out whether an effect was made, without making it, for a step that
// is taken back: from the ledger, or for an effect that is open there from the
// Settle of the options or from verify, which may be nil.
//
// Faults: effect.unknown when nobody can tell, and those of [Chain.Effect].
func (c *Chain) Settle(ctx context.Context, key string, verify Verify) (receipt string, made bool, _ error) {
	e, done, err := c.effect(key)
	if err != nil {
		return "", false, err
	}
	defer done()
	return e.settle(ctx, verify)
}

// settle reads what is known of the effect and closes it if it is open. What
// others write meanwhile is looked at again.
func (e *effect) settle(ctx context.Context, verify Verify) (receipt string, made bool, err error) {
	for range rounds {
		if err = e.read(ctx); err != nil {
			return "", false, err
		}
		if e.last.State != events.EffectCommitted && !e.c.o.Undo && e.last.Attempt > e.c.o.Attempt {
			return "", false, overtaken(e.key)
		}
		switch e.last.State {
		case "", events.EffectAbsent:
			return "", false, nil
		case events.EffectCommitted:
			return e.last.Receipt, true, nil
		}
		if e.repeats {
			return "", false, nil
		}
		receipt, made, err = e.close(ctx, verify)
		if !fault.Has(err, fault.CheckpointOvertaken) {
			return receipt, made, err
		}
	}
	return "", false, err
}

// close settles an effect that is open or unknown.
func (e *effect) close(ctx context.Context, verify Verify) (receipt string, made bool, _ error) {
	switch e.word() {
	case events.SettleDone:
		return "", true, e.write(ctx, events.EffectCommitted, "", "a person said so")
	case events.SettleNotDone:
		return "", false, e.write(ctx, events.EffectAbsent, "", "a person said so")
	}
	if verify == nil {
		return "", false, e.giveUp(ctx, died, nil)
	}
	receipt, err := verify(ctx, e.log.Effect)
	switch {
	case err == nil:
		receipt, err = e.confirm(ctx, receipt)
		return receipt, true, err
	case errors.Is(err, ErrAbsent):
		return "", false, e.write(ctx, events.EffectAbsent, "", "verified")
	case errors.Is(err, ErrUnknown):
		return "", false, e.giveUp(ctx, died, nil)
	case ctx.Err() == nil && ends(err):
		return "", false, e.giveUp(ctx, "cannot be verified: "+said(err), err)
	}
	return "", false, err
}

// ends reports whether an error fails the step without another attempt, and
// without a person: an effect must not stay open because of it.
func ends(err error) bool {
	switch fault.ClassOf(err) {
	case fault.DataQuality, fault.SchemaMismatch, fault.Policy, fault.Poison, fault.UnknownEffect:
		return true
	}
	return false
}

// confirm records what verify has found. It may have made a call to find out, so
// that the record is worth a moment more than ctx has.
func (e *effect) confirm(ctx context.Context, receipt string) (string, error) {
	after, stop := linger(ctx)
	defer stop()
	return e.commit(after, receipt, "verified")
}

// word is what a person said of the effect: of a record that says unknown, and
// that an earlier attempt wrote. Whatever happened since, nobody has looked at.
func (e *effect) word() events.Settlement {
	if e.last.State == events.EffectUnknown && e.last.Attempt < e.c.o.Attempt {
		return e.c.o.Settle
	}
	return ""
}

// died is why an effect is unknown whose call was cut off.
const died = "an attempt ended between the call and the receipt"

// giveUp records that nobody can tell, unless this attempt already has, and
// returns the fault for it.
func (e *effect) giveUp(ctx context.Context, reason string, cause error) error {
	if e.damaged || e.last.State != events.EffectUnknown || e.last.Attempt != e.c.o.Attempt {
		if err := e.record(ctx, events.EffectUnknown, "", reason); err != nil {
			return err
		}
	}
	e.c.effects.lose(e.key)
	return fault.New(fault.EffectUnknown, "effect "+e.key, cause)
}
