package checkpoint

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Call makes a change outside Millrace. id is an idempotency key of 26 letters and
// digits, the same in every attempt, to be sent with the call where the other
// side takes one. The receipt is what the other side answered, at most 4 KiB.
//
// An error leaves open whether the change was made, unless it is wrapped by
// [NotDone].
type Call func(ctx context.Context, id string) (receipt string, err error)

// Verify finds out whether a change was made: it returns its receipt, or the
// error [ErrAbsent] when it was certainly not made and will not be by the call
// that was on its way, or [ErrUnknown] when that cannot be told. Any other error
// is that of an attempt to find out, which is tried again.
type Verify func(ctx context.Context, id string) (receipt string, err error)

// Answers of a Verify.
var (
	ErrAbsent  = errors.New("the effect was not made")
	ErrUnknown = errors.New("nobody can tell whether the effect was made")
)

// NotDone marks an error of a Call after which the change was certainly not made:
// the connection was refused, or the other side said no.
func NotDone(err error) error {
	if err == nil {
		err = ErrAbsent
	}
	return &notDone{err}
}

type notDone struct{ error }

// Unwrap returns the error that was marked.
func (e *notDone) Unwrap() error { return e.error }

// Effect makes a change outside Millrace at most once, or says that it does not
// know. key is the stage's name for it, 1 to 128 bytes, unique in the step and
// the same in every attempt. It returns the receipt, that of an earlier attempt
// if there is one.
//
// What is written before and after the call, and what the next attempt makes of
// it when the process dies in between:
//
//	died                        | newest record | the next attempt
//	----------------------------|---------------|------------------------------------
//	before the intent           | none, absent  | calls
//	while the intent is written | none or       | calls, or
//	                            | intended      | asks verify: for the ledger a call may be out
//	before, in or after the call| intended      | asks verify
//	while the receipt is written| intended or   | asks verify, or
//	                            | committed     | returns the receipt
//	after the receipt           | committed     | returns the receipt
//
// Verify says that the change was made (committed), or that it was not (absent,
// and it is called now), or cannot tell. In that case, without a verify, and when
// verify fails with an error that would end the step, the effect is unknown: the
// fault is effect.unknown until a person's word, the Settle of the options, is
// there. The word covers what was recorded as unknown by an earlier attempt, as
// nobody was asked about anything else. Other errors of verify are returned.
//
// What becomes of an error of the call:
//
//   - One that is marked [NotDone] is returned without the mark, and the effect is
//     absent.
//   - When ctx has ended, it is returned as it is, and the effect stays open: there
//     is no time to find out.
//   - When its class is one that is tried again and there is a verify, it is
//     returned as it is, and the next attempt asks verify, after a pause.
//   - Otherwise no attempt would find out more, or none would come: verify is asked
//     now, if there is one, and without a clear answer the effect is unknown.
//
// Of two workers that make the same effect, the one whose intent is stored calls.
// The other gets checkpoint.overtaken, unless it belongs to a later attempt: it
// goes on with what it finds. One that is overtaken during its call still records
// the answer if that settles what others had to leave open, and returns
// checkpoint.overtaken.
//
// A receipt above 4 KiB is not kept; the effect is committed with an empty one,
// and the fault is checkpoint.too_large, once.
//
// Other faults: effect.refused when the chain has no log, checkpoint.bad_key for
// a key that is none or that is being made, job.cancelled, and those of the log.
// After a fault of the log the effect may be open.
func (c *Chain) Effect(ctx context.Context, key string, do Call, verify Verify) (string, error) {
	e, done, err := c.effect(key)
	if err != nil {
		return "", err
	}
	defer done()
	return e.settled(ctx, do, verify)
}

// settled makes the effect unless it was made, and looks again as long as others
// write to it.
func (e *effect) settled(ctx context.Context, do Call, verify Verify) (string, error) {
	for range rounds {
		receipt, made, err := e.settle(ctx, verify)
		if made || err != nil {
			return receipt, err
		}
		receipt, again, err := e.make(ctx, do, verify)
		if !again {
			return receipt, err
		}
	}
	return "", overtaken(e.key)
}

// rounds is how often an effect that others write to is looked at again.
const rounds = 8

// maxReceipt is the longest receipt that is kept, in bytes.
const maxReceipt = 4 << 10

// make writes the intent, calls, and writes what came of it. again says that
// somebody has written before the intent was, and that it was not a rival: the
// effect is to be looked at once more.
func (e *effect) make(ctx context.Context, do Call, verify Verify) (_ string, again bool, _ error) {
	if err := e.c.alive(ctx); err != nil {
		return "", false, err
	}
	e.call = rand.Text()
	if err := e.write(ctx, events.EffectIntended, "", ""); err != nil {
		if !fault.Has(err, fault.CheckpointOvertaken) {
			return "", false, err
		}
		again, err := e.rival(ctx, err)
		return "", again, err
	}
	after, stop := linger(ctx)
	defer stop()
	if err := e.late(ctx); err != nil {
		return "", false, e.notMade(after, err, "was not called")
	}
	receipt, err := do(ctx, e.log.Effect)
	var no *notDone
	switch {
	case err == nil:
		receipt, err = e.commit(after, receipt, "called")
		return receipt, false, err
	case errors.As(err, &no):
		if err == error(no) {
			err = no.error
		}
		return "", false, e.notMade(after, err, "called: "+said(err))
	case ctx.Err() != nil, e.repeats, verify != nil && comesAgain(err):
		return "", false, err
	}
	receipt, err = e.conclude(ctx, after, verify, err)
	return receipt, false, err
}

// late returns why the call must not be made after all: the attempt has ended, or
// somebody has closed the chain or taken it over just before the intent was
// written. Whoever closes the chain later finds the intent.
func (e *effect) late(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return e.c.alive(ctx)
}

// rival reports whether a worker whose intent was refused should look again: not
// when whoever was faster is calling and is no earlier attempt.
func (e *effect) rival(ctx context.Context, refused error) (again bool, _ error) {
	if err := e.read(ctx); err != nil {
		return false, err
	}
	if e.last.State == events.EffectIntended && e.last.Attempt >= e.c.o.Attempt {
		return false, refused
	}
	return true, nil
}

// commit records that the change was made.
func (e *effect) commit(ctx context.Context, receipt, reason string) (string, error) {
	receipt = strings.ToValidUTF8(receipt, "\uFFFD")
	var large error
	if n := len(receipt); n > maxReceipt {
		reason += "; its receipt of " + strconv.Itoa(n) + " bytes is too large"
		receipt, large = "", fault.New(fault.CheckpointTooLarge, "the receipt of effect "+e.key, nil)
	}
	if err := e.record(ctx, events.EffectCommitted, receipt, reason); err != nil {
		return "", err
	}
	return receipt, large
}

// notMade records that the change was not made, and returns why. When that cannot
// be recorded the effect stays open, which is safe.
func (e *effect) notMade(ctx context.Context, why error, reason string) error {
	if err := e.record(ctx, events.EffectAbsent, "", reason); err != nil {
		if fault.Has(err, fault.CheckpointOvertaken) {
			return err
		}
		e.warn("effect stays open", err)
	}
	return why
}

// conclude settles an effect right after a call that left it open, because no
// attempt may come that would.
func (e *effect) conclude(ctx, after context.Context, verify Verify, why error) (string, error) {
	if verify != nil {
		receipt, err := verify(ctx, e.log.Effect)
		switch {
		case err == nil:
			return e.commit(after, receipt, "verified")
		case errors.Is(err, ErrAbsent):
			return "", e.notMade(after, why, "verified: "+said(why))
		case ctx.Err() != nil:
			return "", why
		}
	}
	return "", e.giveUp(after, "called: "+said(why), why)
}

// comesAgain reports whether another attempt follows an error, budget permitting.
func comesAgain(err error) bool {
	switch fault.ClassOf(err) {
	case fault.Transient, fault.Timeout, fault.Resource, fault.Conflict, fault.Cancelled,
		fault.RateLimited, fault.DependencyDown, fault.Unclassified:
		return true
	}
	return false
}

// said is an error as it is kept in a record.
func said(err error) string { return fault.Clip(fault.From(err).Message(), 256) }
