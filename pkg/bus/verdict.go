package bus

import (
	"errors"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// verdict is an error that says what becomes of the message.
type verdict struct {
	kind  verdictKind
	delay time.Duration
	code  fault.Code
	err   error
}

type verdictKind int

const (
	verdictRetry verdictKind = iota + 1
	verdictReject
	verdictAbandon
	verdictHandOver
)

// RetryIn has the message delivered again after d. Meanwhile it counts against
// the consumer's MaxAckPending; longer waits are scheduled messages. err is the
// reason and may be nil.
func RetryIn(d time.Duration, err error) error {
	return &verdict{kind: verdictRetry, delay: d, err: err}
}

// Reject has the message set aside as a dead letter with code and err as the
// reason, and never delivered again.
func Reject(code fault.Code, err error) error {
	return &verdict{kind: verdictReject, code: code, err: err}
}

// Abandon says nothing to the broker: the message belongs to someone else by
// now, or will after the ack wait.
func Abandon(err error) error { return &verdict{kind: verdictAbandon, err: err} }

// HandOver has the message delivered to any worker at once. It is not a failure.
func HandOver(err error) error { return &verdict{kind: verdictHandOver, err: err} }

// Error names the decision and its reason.
func (v *verdict) Error() string {
	var s string
	switch v.kind {
	case verdictRetry:
		s = "deliver again in " + v.delay.String()
	case verdictReject:
		s = "reject as " + string(v.code)
	case verdictAbandon:
		s = "abandon"
	default:
		s = "hand over"
	}
	if v.err != nil {
		s += ": " + v.err.Error()
	}
	return s
}

// Unwrap returns the reason.
func (v *verdict) Unwrap() error { return v.err }

// verdictOf finds the decision in a handler's error.
func verdictOf(err error) (*verdict, bool) {
	var v *verdict
	ok := errors.As(err, &v)
	return v, ok
}
