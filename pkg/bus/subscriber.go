package bus

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/millrace/millrace/pkg/fault"
)

// Limits of a subscription that names none.
const (
	defaultDrain     = 25 * time.Second
	defaultKillGrace = 3 * time.Second
)

// Source is a consumer that a subscription reads through.
type Source struct {
	Stream, Consumer string
	// AckWait is the consumer's.
	AckWait time.Duration
}

// SubscriberOptions say how a [Subscriber] works.
type SubscriberOptions struct {
	// Locate returns the consumer that a topic is read through. It may make it.
	// It is called again when the consumer has gone. It is required.
	Locate func(ctx context.Context, topic string) (Source, error)
	// Initialize makes what a topic needs; it backs
	// message.SubscribeInitializer. Nil does nothing.
	Initialize func(topic string) error
	// MaxInFlight bounds the messages that are held at once: nothing is asked
	// for without a free slot. Zero means 1.
	MaxInFlight int
	// Drain is how long messages that are being worked on may take after the
	// stop before their contexts end; KillGrace is how long the work may take
	// to return then. Zero means 25 and 3 seconds.
	Drain, KillGrace time.Duration
	// Admit is asked before messages are asked for, with the number of free
	// slots, and returns for how many to ask. It may block until ctx ends. Nil
	// admits all.
	Admit func(ctx context.Context, free int) int
	// NackDelay is how long a message rests that was refused at its n-th
	// delivery. Nil means not at all the first time and then a pause that
	// doubles from 100 ms to 30 s.
	NackDelay func(delivered int) time.Duration
	// MaxDeliveries is how often a message may be delivered and refused before
	// it becomes a dead letter with bus.handler_gave_up. Zero means any number.
	MaxDeliveries int
	// DeadTenant names the tenant of a message that becomes a dead letter. Nil
	// means the default tenant.
	DeadTenant func(subject string) string
	// Log is used for what there is to say. Nil means the connection's.
	Log *slog.Logger
}

func (o SubscriberOptions) withDefaults(c *Conn) SubscriberOptions {
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = 1
	}
	if o.Drain <= 0 {
		o.Drain = defaultDrain
	}
	if o.KillGrace <= 0 {
		o.KillGrace = defaultKillGrace
	}
	if o.NackDelay == nil {
		o.NackDelay = nackDelay
	}
	if o.Log == nil {
		o.Log = c.log
	}
	return o
}

// Subscriber is a Watermill subscriber that pulls what it has free slots for,
// keeps what it holds alive at the broker, and gives back at once what it has
// not handed on when it stops. It never closes the connection.
//
// A message that cannot be decoded becomes a dead letter. An acknowledged
// message is done, a refused one is delivered again.
type Subscriber struct {
	conn *Conn
	opts SubscriberOptions
	// settles is true when whoever handles a message settles its delivery
	// himself, so that nobody has to wait for its Acked and Nacked channels.
	settles bool

	mu      sync.Mutex
	closed  bool
	closing chan struct{}
	flows   sync.WaitGroup
}

var (
	_ message.Subscriber           = (*Subscriber)(nil)
	_ message.SubscribeInitializer = (*Subscriber)(nil)
)

// NewSubscriber returns a subscriber. It has no effect before Subscribe.
// Faults: bus.bad_subscription.
func NewSubscriber(c *Conn, o SubscriberOptions) (*Subscriber, error) {
	if o.Locate == nil {
		return nil, fault.New(fault.BusBadSubscription, "no Locate", nil)
	}
	return &Subscriber{conn: c, opts: o.withDefaults(c), closing: make(chan struct{})}, nil
}

// SubscribeInitialize makes what a topic needs.
func (s *Subscriber) SubscribeInitialize(topic string) error {
	if s.opts.Initialize == nil {
		return nil
	}
	return s.opts.Initialize(topic)
}

// Subscribe returns the messages of a topic. The channel is closed when ctx has
// ended or the subscriber was closed, and the messages that were read from it
// are settled or given up. The end of ctx stops the intake; it does not end the
// contexts of messages. Faults: bus.closed, and those of Locate.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	if !s.open() {
		return nil, fault.New(fault.BusClosed, "subscribe to "+fault.Clip(topic, maxShown), nil)
	}
	src, err := s.opts.Locate(ctx, topic)
	if err != nil {
		s.flows.Done()
		return nil, busFault("subscribe to "+fault.Clip(topic, maxShown), err)
	}
	f := newFlow(ctx, s, topic, src)
	go func() {
		defer s.flows.Done()
		f.run(ctx, s.closing)
	}()
	return f.out, nil
}

// open counts a new flow, unless the subscriber is closed.
func (s *Subscriber) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.flows.Add(1)
	return true
}

// Close stops the intake, gives back what was not handed on, waits for the
// messages that are being worked on, Drain and KillGrace at most, and sends what
// is still buffered. It may be called again.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.flows.Wait()
	return s.conn.flush(flushWait)
}

// flushWait bounds how long the end of something waits for the broker.
const flushWait = 2 * time.Second

// flush waits until the broker has read all that was sent. While there is no
// connection there is nothing to wait for.
func (c *Conn) flush(wait time.Duration) error {
	if !c.nc.IsConnected() {
		return nil
	}
	err := c.nc.FlushTimeout(wait)
	if err == nil || c.nc.IsClosed() || errors.Is(c.explain(err), errDisconnected) {
		return nil
	}
	return busFault("flush", err)
}

// nackDelay spares the broker a message that goes round and round: the first
// time may be bad luck, and then the pause doubles.
func nackDelay(delivered int) time.Duration {
	if delivered <= 1 {
		return 0
	}
	return retryDelay(delivered - 1)
}
