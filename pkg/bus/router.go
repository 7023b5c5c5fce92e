package bus

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"
)

// Handler works on one message. What it returns decides what becomes of it: nil
// acknowledges; [RetryIn], [Reject], [Abandon] and [HandOver] do what they say;
// any other error has it delivered again after a pause that grows with the
// number of deliveries.
//
// ctx ends when the subscription has drained for long enough, or when contact
// with the broker was lost for so long that another worker has the message;
// [context.Cause] tells which.
type Handler func(ctx context.Context, m *Message) error

// Middleware is a Watermill middleware.
type Middleware = message.HandlerMiddleware

// Subscription is one consumer and what is done with its messages.
type Subscription struct {
	// Name is the name in logs. Empty means Durable.
	Name string
	// Stream and Durable name the consumer, which must have been provisioned.
	Stream, Durable string
	// MaxInFlight bounds the messages that are held at once: nothing is asked
	// for without a free slot. Zero means 1.
	MaxInFlight int
	// MaxDeliveries is how often a message may be delivered and fail before it
	// becomes a dead letter with bus.handler_gave_up. Zero means any number.
	MaxDeliveries int
	// Drain is how long running handlers may go on after the stop before their
	// context ends; KillGrace is how long they have to return then. Zero means
	// 25 and 3 seconds.
	Drain, KillGrace time.Duration
	Handle           Handler
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

// RouterOptions are optional settings of a [Router].
type RouterOptions struct {
	// Log is used for what the router has to say. Nil means the connection's.
	Log *slog.Logger
	// Middleware is put around every handler, outside of the subscription's own.
	Middleware []Middleware
}

// Router runs subscriptions.
type Router struct {
	conn    *Conn
	opts    RouterOptions
	subs    []Subscription
	running chan struct{}
	stop    context.CancelFunc
	ctx     context.Context
}

// NewRouter returns a router without subscriptions.
func NewRouter(c *Conn, o RouterOptions) (*Router, error) {
	ctx, stop := context.WithCancel(context.Background())
	return &Router{conn: c, opts: o, running: make(chan struct{}), ctx: ctx, stop: stop}, nil
}

// Add adds a subscription. It must be called before Run.
func (r *Router) Add(s Subscription) error {
	r.subs = append(r.subs, s)
	return nil
}

// Run works until ctx ends or Close is called, and returns after the drain.
func (r *Router) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	close(r.running)
	for _, s := range r.subs {
		wg.Go(func() { r.loop(ctx, s) })
	}
	wg.Wait()
	return nil
}

func (r *Router) loop(ctx context.Context, s Subscription) {
	for ctx.Err() == nil && r.ctx.Err() == nil {
		cons, err := r.conn.js.Consumer(ctx, s.Stream, s.Durable)
		if err != nil {
			continue
		}
		b, err := cons.Fetch(max(s.MaxInFlight, 1), jetstream.FetchMaxWait(200*time.Millisecond))
		if err != nil {
			continue
		}
		for m := range b.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				continue
			}
			msg := &Message{
				Subject: m.Subject(), Header: flatten(m.Headers()), Data: m.Data(), Stream: meta.Stream,
				Sequence: meta.Sequence.Stream, Delivered: int(meta.NumDelivered), Time: meta.Timestamp,
			}
			msg.ID = messageID(msg.Header, meta.Stream, meta.Sequence.Stream)
			if err := s.Handle(context.WithoutCancel(ctx), msg); err != nil {
				_ = m.NakWithDelay(100 * time.Millisecond)
				continue
			}
			_ = m.Ack()
		}
	}
}

// Running is closed when every subscription works.
func (r *Router) Running() <-chan struct{} { return r.running }

// Close stops the router and waits for the drain. It may be called again.
func (r *Router) Close() error { r.stop(); return nil }
