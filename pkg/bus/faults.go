package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// Error codes of JetStream that decide something here.
const (
	codeInsufficientResources = 10023
	codeStoreFailed           = 10077
	codeWrongSequence         = 10071
	codeWrongSequenceInFlight = 10164
	codeMaximumBytes          = 10122
	// codeIDInProcess is given by a cluster to the second of two messages with
	// the same id while it has not decided about the first.
	codeIDInProcess     = 10158
	codeStorageReserved = 10047
)

// busFault turns an error of the client into a fault of this package.
func busFault(doing string, err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	return fault.New(codeOf(err), doing, err)
}

func codeOf(err error) fault.Code {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		if c := apiCode(api); c != "" {
			return c
		}
		if api.Code == 400 {
			return fault.BusBadMessage
		}
	}
	switch {
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
		return fault.BusClosed
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fault.BusTimeout
	case errors.Is(err, context.Canceled):
		return fault.BusClosed
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrPermissionViolation):
		return fault.BusDenied
	case errors.Is(err, nats.ErrMaxPayload):
		return fault.BusTooLarge
	case errors.Is(err, jetstream.ErrMsgNotFound), errors.Is(err, jetstream.ErrKeyNotFound),
		errors.Is(err, jetstream.ErrKeyDeleted), errors.Is(err, jetstream.ErrBucketNotFound),
		errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound):
		return fault.BusNotFound
	case errors.Is(err, jetstream.ErrKeyExists):
		return fault.BusFenced
	}
	return fault.BusUnreachable
}

func apiCode(e *jetstream.APIError) fault.Code {
	switch e.ErrorCode {
	case codeWrongSequence, codeWrongSequenceInFlight:
		return fault.BusFenced
	case codeInsufficientResources, codeStoreFailed, codeMaximumBytes, codeStorageReserved:
		return fault.BusStoreFull
	case jetstream.JSErrCodeStreamMessageExceedsMaximum:
		return fault.BusTooLarge
	case jetstream.JSErrCodeMessageNotFound, jetstream.JSErrCodeStreamNotFound,
		jetstream.JSErrCodeConsumerNotFound, jetstream.JSErrCodeConsumerDoesNotExist:
		return fault.BusNotFound
	case jetstream.JSErrCodeJetStreamNotEnabled,
		jetstream.JSErrCodeJetStreamNotEnabledForAccount:
		return fault.BusNoJetstream
	}
	return ""
}
