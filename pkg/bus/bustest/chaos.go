package bustest

import (
	"errors"
	"math/rand/v2"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/millrace/millrace/pkg/bus"
)

// Duplicator runs every handler twice for each message: a handler that minds is
// not idempotent.
func Duplicator() bus.Middleware { return middleware.Duplicator }

// RandomFail makes that share of the calls fail before the handler runs, for
// example 0.1.
func RandomFail(share float32) bus.Middleware { return middleware.RandomFail(share) }

// RandomPanic makes that share of the calls panic before the handler runs.
func RandomPanic(share float32) bus.Middleware { return middleware.RandomPanic(share) }

// FailAfter makes that share of the calls fail after the handler has succeeded:
// the work is done, and comes again.
func FailAfter(share float32) bus.Middleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) ([]*message.Message, error) {
			out, err := h(m)
			if err == nil && rand.Float32() < share {
				return nil, errAfter
			}
			return out, err
		}
	}
}

var errAfter = errors.New("random failure after the work was done")
