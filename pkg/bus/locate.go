package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// locate finds a durable consumer. One that this connection has provisioned and
// that has gone, alone or with its stream, is made again.
func (c *Conn) locate(ctx context.Context, stream, durable string) (Source, error) {
	src, err := c.inspect(ctx, stream, durable)
	gone := errors.Is(err, jetstream.ErrStreamNotFound) ||
		errors.Is(err, jetstream.ErrConsumerNotFound)
	want, known := c.plans.consumer(stream, durable)
	if !gone || !known {
		return src, busFault("find consumer "+durable+" of stream "+stream, err)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if cfg, ok := c.plans.stream(stream); ok {
			if err := c.provisionStream(ctx, cfg); err != nil {
				return Source{}, err
			}
		}
	}
	if err := c.provisionConsumer(ctx, stream, want); err != nil {
		return Source{}, err
	}
	c.log.Warn("a consumer was gone and is made again", "stream", stream, "consumer", durable)
	return Source{Stream: stream, Consumer: durable, AckWait: want.AckWait}, nil
}

func (c *Conn) inspect(ctx context.Context, stream, durable string) (Source, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	cons, err := c.js.Consumer(ctx, stream, durable)
	if err != nil {
		return Source{}, err
	}
	return Source{
		Stream: stream, Consumer: durable, AckWait: cons.CachedInfo().Config.AckWait,
	}, nil
}
