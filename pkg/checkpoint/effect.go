package checkpoint

import (
	"context"
	"errors"

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
func NotDone(err error) error { return &notDone{err} }

type notDone struct{ error }

// Unwrap returns the error that was marked.
func (e *notDone) Unwrap() error { return e.error }

// Effect makes a change outside Millrace at most once, or says that it does not
// know. key is the stage's name for it, 1 to 128 bytes, unique in the step and
// the same in every attempt.
func (c *Chain) Effect(context.Context, string, Call, Verify) (string, error) {
	return "", fault.New(fault.EffectRefused, "", nil)
}
