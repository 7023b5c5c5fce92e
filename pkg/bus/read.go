package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// Last returns the last message of a stream whose subject matches filter, which
// may hold wildcards. It asks any replica, and costs about as much as a request.
// Faults: bus.not_found, bus.timeout, bus.closed.
func (c *Conn) Last(ctx context.Context, stream, filter string) (*Message, error) {
	s, err := c.stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	m, err := s.GetLastMsgForSubject(ctx, filter)
	if err != nil {
		return nil, busFault("read the last message of "+filter, err)
	}
	return fromStored(stream, m), nil
}

// Get returns the message of a stream with a sequence.
// Faults: bus.not_found, bus.timeout, bus.closed.
func (c *Conn) Get(ctx context.Context, stream string, seq uint64) (*Message, error) {
	s, err := c.stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	m, err := s.GetMsg(ctx, seq)
	if err != nil {
		return nil, busFault("read a message of "+stream, err)
	}
	return fromStored(stream, m), nil
}

// Purge removes the messages of a stream whose subjects match filter. An empty
// filter removes all. Faults: bus.not_found, bus.timeout.
func (c *Conn) Purge(ctx context.Context, stream, filter string) error {
	s, err := c.stream(ctx, stream)
	if err != nil {
		return err
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	var opts []jetstream.StreamPurgeOpt
	if filter != "" {
		opts = append(opts, jetstream.WithPurgeSubject(filter))
	}
	return busFault("purge "+stream, s.Purge(ctx, opts...))
}

func (c *Conn) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	s, err := c.js.Stream(ctx, name)
	if err != nil {
		return nil, busFault("open stream "+name, err)
	}
	return s, nil
}
