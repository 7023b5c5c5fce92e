package bus

import (
	"context"

	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// Publisher is a Watermill publisher that stores messages in streams. What it
// writes, every program with watermill-nats can read, and the reverse.
//
// A message's id is its metadata entry Nats-Msg-Id, and without one the topic
// and its UUID.
type Publisher struct {
	conn *Conn
	wire wmnats.NATSMarshaler
}

var _ message.Publisher = (*Publisher)(nil)

// NewPublisher returns a publisher. It does not own c.
func NewPublisher(c *Conn) *Publisher { return &Publisher{conn: c} }

// Publish stores messages and returns when the broker has confirmed all of
// them. The end of a message's context does not stop it: a result that was
// computed is not lost because the time for computing it is over.
// Faults: as for [Conn.Publish].
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	if len(messages) == 0 {
		return nil
	}
	msgs := make([]*nats.Msg, len(messages))
	for i, m := range messages {
		var err error
		if msgs[i], err = p.encode(topic, m); err != nil {
			return err
		}
	}
	ctx := context.WithoutCancel(messages[0].Context())
	ctx, cancel := context.WithTimeout(ctx, p.conn.opts.Timeout)
	defer cancel()
	_, err := p.conn.store(ctx, msgs)
	return err
}

func (p *Publisher) encode(topic string, m *message.Message) (*nats.Msg, error) {
	id := m.Metadata[jetstream.MsgIDHeader]
	if id == "" && m.UUID != "" {
		id = topic + "/" + m.UUID
	}
	if bad := complaint(&Out{Subject: topic, ID: id}); bad != "" {
		return nil, fault.New(fault.BusBadMessage,
			"publish to "+fault.Clip(topic, maxShown)+": "+bad, nil)
	}
	out, err := p.wire.Marshal(topic, m)
	if err != nil {
		return nil, fault.New(fault.BusBadMessage, "publish to "+fault.Clip(topic, maxShown), err)
	}
	clean := make(nats.Header, len(out.Header)+1)
	for k, v := range out.Header {
		if k = cleanKey(k); k != "" {
			clean[k] = []string{oneLine(v[0])}
		}
	}
	clean[jetstream.MsgIDHeader] = []string{oneLine(id)}
	out.Header = clean
	return out, nil
}

// Close does nothing: a Watermill router closes the publisher of every handler
// that stops, and the connection belongs to others.
func (p *Publisher) Close() error { return nil }
