package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/pkg/fault"
)

// Subscribe calls fn for each message on core NATS whose subject matches, one
// after the other. A slow fn loses messages. stop ends it; it may be called
// more than once, and fn may still be running when it returns.
// Faults: bus.closed.
func (c *Conn) Subscribe(subject string, fn func(*Message)) (stop func(), err error) {
	s, err := c.nc.Subscribe(subject, func(m *nats.Msg) { fn(fromCore(m)) })
	if err != nil {
		return nil, busFault("subscribe to "+fault.Clip(subject, maxShown), err)
	}
	return func() { _ = s.Unsubscribe() }, nil
}

// Request sends a message on core NATS and waits for one answer.
// Faults: bus.timeout, bus.not_found when nobody listens, bus.closed.
func (c *Conn) Request(
	ctx context.Context, subject string, header map[string]string, data []byte,
) (*Message, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	m := &nats.Msg{Subject: subject, Data: data, Header: make(nats.Header, len(header))}
	setHeaders(m.Header, header)
	answer, err := c.nc.RequestMsgWithContext(ctx, m)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, fault.New(fault.BusNotFound,
			"request "+fault.Clip(subject, maxShown)+": nobody listens", nil)
	}
	if err != nil {
		return nil, busFault("request "+fault.Clip(subject, maxShown), c.explain(err))
	}
	return fromCore(answer), nil
}

// NewInbox returns a subject that nobody else uses, for answers.
func (c *Conn) NewInbox() string { return c.nc.NewInbox() }
