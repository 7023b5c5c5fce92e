package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/pkg/fault"
)

// Tail calls fn for each message on core NATS whose subject matches until ctx
// ends, whose error it returns. It loses messages when fn is slow and while the
// connection is lost. Each ready is called once, when the broker knows of it.
// Faults: bus.closed, bus.timeout.
func (c *Conn) Tail(
	ctx context.Context, subject string, fn func(*Message), ready ...func(),
) error {
	g := &tailGate{passed: make(chan *Message, 1)}
	sub, err := wmnats.NewSubscriberWithNatsConn(c.nc, wmnats.SubscriberSubscriptionConfig{
		Unmarshaler: g,
		JetStream:   wmnats.JetStreamConfig{Disabled: true},
	}, watermill.NopLogger{})
	if err != nil {
		return busFault("tail "+fault.Clip(subject, maxShown), err)
	}
	// The subscriber must not see the end of ctx before the gate is shut, and
	// its Close would close the connection.
	inner, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	in, err := sub.Subscribe(inner, subject)
	if err != nil {
		return busFault("tail "+fault.Clip(subject, maxShown), err)
	}
	if err := c.flush(c.opts.Timeout); err != nil {
		g.shut(in, end)
		return err
	}
	for _, f := range ready {
		f()
	}
	for {
		select {
		case <-ctx.Done():
			g.shut(in, end)
			return ctx.Err()
		case <-c.closed:
			g.shut(in, end)
			return fault.New(fault.BusClosed, "tail "+fault.Clip(subject, maxShown), nil)
		case w, ok := <-in:
			if !ok {
				return fault.New(fault.BusClosed, "tail "+fault.Clip(subject, maxShown), nil)
			}
			fn(g.take())
			w.Ack()
		}
	}
}

// tailGate is the decoder of a tail's watermill-nats subscriber, and what makes
// it safe to stop. That subscriber closes its output as soon as its context has
// ended, also while it is about to send to it, which is a panic. So the tail
// first shuts the gate, takes what had passed, and only then ends the context.
type tailGate struct {
	mu     sync.Mutex
	closed bool
	inside int
	// passed carries the decoded message past Watermill, which does not know of
	// subjects. The subscriber handles one message at a time.
	passed chan *Message
}

// errGateShut has the subscriber drop a message.
var errGateShut = errors.New("the tail has ended")

// Unmarshal decodes a message, unless the gate is shut.
func (g *tailGate) Unmarshal(raw *nats.Msg) (*message.Message, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errGateShut
	}
	m := fromCore(raw)
	w := message.NewMessage(m.ID, m.Data)
	w.Metadata = metadataOf(m.Header)
	g.inside++
	g.passed <- m
	return w, nil
}

// take returns the message that belongs to the Watermill message just read.
func (g *tailGate) take() *Message {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	return <-g.passed
}

// shut lets nothing more in, takes what had passed before, and ends the
// subscription.
func (g *tailGate) shut(in <-chan *message.Message, end context.CancelFunc) {
	g.mu.Lock()
	g.closed = true
	left := g.inside
	g.mu.Unlock()
	limit := time.NewTimer(flushWait)
	defer limit.Stop()
	for range left {
		select {
		case w := <-in:
			g.take()
			w.Ack()
		case <-limit.C:
			return // the connection was closed under it; nobody sends any more
		}
	}
	end()
	for range in {
	}
}
