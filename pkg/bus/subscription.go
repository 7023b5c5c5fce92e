package bus

import (
	"context"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// Handler works on one message. What it returns decides what becomes of it: nil
// acknowledges; [RetryIn], [Reject], [Abandon] and [HandOver] do what they say;
// any other error, or a panic, has it delivered again after a pause that grows
// with the number of deliveries.
//
// ctx ends when the subscription has drained for long enough, with the fault
// stage.draining as its cause, or when contact with the broker was lost for so
// long that another worker has the message, with bus.unreachable as its cause.
// Handlers of one subscription run at the same time, up to its MaxInFlight.
type Handler func(ctx context.Context, m *Message) error

// Middleware is a Watermill middleware.
type Middleware = message.HandlerMiddleware

// Subscription is one consumer and what is done with its messages.
type Subscription struct {
	// Name is the name in logs, one of its kind in a router. Empty means Durable.
	Name string
	// Stream and Durable name the consumer, which must have been provisioned.
	// One that was provisioned through the router's own connection is made
	// again, with its stream, when it is deleted meanwhile.
	Stream, Durable string
	// MaxInFlight bounds the messages that are held at once: nothing is asked
	// for without a free slot. Zero means 1.
	MaxInFlight int
	// MaxDeliveries is how often a message may be delivered and fail before it
	// becomes a dead letter with bus.handler_gave_up. Zero means any number.
	MaxDeliveries int
	// Drain is how long running handlers may go on after the stop before their
	// contexts end; KillGrace is how long they have to return then. Zero means
	// 25 and 3 seconds.
	Drain, KillGrace time.Duration
	// Handle works on a message. It is required.
	Handle Handler
	// Middleware is put around Handle, the first outermost.
	Middleware []Middleware
	// Admit is asked before messages are asked for, with the number of free
	// slots, and returns for how many to ask. It may block until ctx ends, for
	// example while a breaker is open. Nil admits all.
	Admit func(ctx context.Context, free int) int
	// DeadTenant names the tenant of a message that becomes a dead letter. Nil
	// means the default tenant.
	DeadTenant func(subject string) string
}
