package bus

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/millrace/millrace/pkg/fault"
)

// RouterOptions are optional settings of a [Router].
type RouterOptions struct {
	// Log is used for what the router has to say. Nil means the connection's.
	Log *slog.Logger
	// Middleware is put around every handler, outside of the subscription's own.
	Middleware []Middleware
}

// closeSlack is how much longer than its slowest subscription, and the flushes
// before and after the drain, a router waits.
const closeSlack = 500 * time.Millisecond

// Router runs subscriptions, on a Watermill router. It is used once.
type Router struct {
	conn *Conn
	opts RouterOptions
	log  *slog.Logger

	mu      sync.Mutex
	subs    []Subscription
	started bool

	stop    chan struct{}
	once    sync.Once
	running chan struct{}
	ended   chan struct{}
}

// NewRouter returns a router without subscriptions. It does not own c.
func NewRouter(c *Conn, o RouterOptions) (*Router, error) {
	if c == nil {
		return nil, fault.New(fault.BusBadSubscription, "a router without a connection", nil)
	}
	r := &Router{
		conn: c, opts: o, log: o.Log, stop: make(chan struct{}),
		running: make(chan struct{}), ended: make(chan struct{}),
	}
	if r.log == nil {
		r.log = c.log
	}
	return r, nil
}

// Add adds a subscription. It must be called before Run.
// Faults: bus.bad_subscription.
func (r *Router) Add(s Subscription) error {
	if s.Name == "" {
		s.Name = s.Durable
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	bad := ""
	switch {
	case r.started:
		bad = "added to a router that runs"
	case s.Stream == "" || s.Durable == "":
		bad = "stream or durable missing"
	case s.Handle == nil:
		bad = "no handler"
	case r.has(s.Name):
		bad = "the name is taken"
	}
	if bad != "" {
		return fault.New(fault.BusBadSubscription, "subscription "+s.Name+": "+bad, nil)
	}
	r.subs = append(r.subs, s)
	return nil
}

func (r *Router) has(name string) bool {
	for _, s := range r.subs {
		if s.Name == name {
			return true
		}
	}
	return false
}

// Run works until ctx ends or Close is called. Then it asks for no more, gives
// back what no handler has started on, waits for the handlers as their
// subscriptions say, and returns. It returns an error when it could not start,
// or when handlers had not returned by the end.
// Faults: bus.bad_subscription, bus.not_found, bus.timeout, bus.closed,
// bus.handlers_stuck.
func (r *Router) Run(ctx context.Context) error {
	r.mu.Lock()
	if r.started {
		r.mu.Unlock()
		return fault.New(fault.BusBadSubscription, "the router was run before", nil)
	}
	r.started = true
	subs := r.subs
	r.mu.Unlock()
	defer close(r.ended)

	inner, err := r.build(ctx, subs)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	// Watermill ends the contexts of all messages together with the one it is
	// given; the stop reaches it through Close instead.
	go func() { done <- inner.Run(context.WithoutCancel(ctx)) }()
	select {
	case <-inner.Running():
		close(r.running)
	case err := <-done:
		return busFault("run router", err)
	}
	select {
	case <-ctx.Done():
	case <-r.stop:
	}
	stuck := inner.Close()
	<-done
	if stuck != nil {
		return fault.New(fault.BusHandlersStuck, "", nil)
	}
	return nil
}

// build makes the Watermill router and checks that every consumer exists.
func (r *Router) build(ctx context.Context, subs []Subscription) (*message.Router, error) {
	longest := time.Duration(0)
	for i := range subs {
		if subs[i].Drain <= 0 {
			subs[i].Drain = defaultDrain
		}
		if subs[i].KillGrace <= 0 {
			subs[i].KillGrace = defaultKillGrace
		}
		longest = max(longest, subs[i].Drain+subs[i].KillGrace)
	}
	inner, err := message.NewRouter(
		message.RouterConfig{CloseTimeout: longest + 2*flushWait + closeSlack}, quietLog{r.log})
	if err != nil {
		return nil, fault.New(fault.BusBadSubscription, "make router", err)
	}
	for _, s := range subs {
		if err := r.attach(ctx, inner, s); err != nil {
			return nil, err
		}
	}
	if len(subs) == 0 {
		// Watermill waits for a first handler; this one has nothing to do.
		inner.AddConsumerHandler("idle", "idle", idleSubscriber{r.stop}, nil)
	}
	return inner, nil
}

func (r *Router) attach(ctx context.Context, inner *message.Router, s Subscription) error {
	src, err := r.conn.locate(ctx, s.Stream, s.Durable)
	if err != nil {
		return err
	}
	first := true
	sub, err := NewSubscriber(r.conn, SubscriberOptions{
		Locate: func(ctx context.Context, _ string) (Source, error) {
			if first {
				first = false
				return src, nil
			}
			return r.conn.locate(ctx, s.Stream, s.Durable)
		},
		MaxInFlight: s.MaxInFlight, MaxDeliveries: s.MaxDeliveries,
		Drain: s.Drain, KillGrace: s.KillGrace,
		Admit: s.Admit, DeadTenant: s.DeadTenant, Log: r.log.With("handler", s.Name),
	})
	if err != nil {
		return err
	}
	sub.settles = true
	h := inner.AddConsumerHandler(s.Name, s.Durable, sub, handlerOf(s.Handle))
	h.AddMiddleware(settleAfter, middleware.Recoverer)
	h.AddMiddleware(r.opts.Middleware...)
	h.AddMiddleware(s.Middleware...)
	return nil
}

// handlerOf makes a Watermill handler of ours.
func handlerOf(h Handler) message.NoPublishHandlerFunc {
	return func(w *message.Message) error {
		d := deliveryOf(w.Context())
		if d == nil {
			return fault.New(fault.InternalBug, "a message without a delivery", nil)
		}
		return h(w.Context(), d.m)
	}
}

// settleAfter is the outermost middleware: it settles the delivery by the final
// error, in the handler's goroutine, so that nobody has to wait for it.
func settleAfter(h message.HandlerFunc) message.HandlerFunc {
	return func(w *message.Message) ([]*message.Message, error) {
		d := deliveryOf(w.Context())
		if d == nil {
			return h(w)
		}
		if d.flow.intake.Err() != nil {
			d.giveBack() // the stop was faster than the first line of the handler
			return nil, nil
		}
		_, err := h(w)
		d.settle(err)
		return nil, nil
	}
}

// Running is closed when every subscription works. It stays open when Run fails.
func (r *Router) Running() <-chan struct{} { return r.running }

// Close stops the router and, if it runs, waits until Run is about to return.
// It may be called again, and before Run, which then returns at once.
func (r *Router) Close() error {
	r.once.Do(func() { close(r.stop) })
	r.mu.Lock()
	started := r.started
	r.mu.Unlock()
	if started {
		<-r.ended
	}
	return nil
}
