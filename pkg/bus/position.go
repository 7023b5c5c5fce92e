package bus

import "context"

// Acked returns the sequence up to which a consumer takes every message as
// acknowledged. A message at or below it that a work queue still holds will never
// be delivered: the broker was killed after it had noted the acknowledgement and
// before it had noted the deletion. Faults: bus.not_found without the consumer,
// and those of the connection.
func (c *Conn) Acked(ctx context.Context, stream, consumer string) (uint64, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	one, err := c.js.Consumer(ctx, stream, consumer) // asks the broker; nothing is cached
	if err != nil {
		return 0, busFault("look at consumer "+consumer, c.explain(err))
	}
	return one.CachedInfo().AckFloor.Stream, nil
}

// Depth returns how many messages a stream holds.
func (c *Conn) Depth(ctx context.Context, stream string) (uint64, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	s, err := c.js.Stream(ctx, stream) // asks the broker; nothing is cached
	if err != nil {
		return 0, busFault("look at stream "+stream, c.explain(err))
	}
	return s.CachedInfo().State.Msgs, nil
}

// Pending returns how many messages of a stream wait for a consumer that it has not
// delivered yet. For a consumer that nobody pulls from that is how many there are on
// its subjects, at the price of one look.
func (c *Conn) Pending(ctx context.Context, stream, consumer string) (uint64, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	one, err := c.js.Consumer(ctx, stream, consumer) // asks the broker; nothing is cached
	if err != nil {
		return 0, busFault("look at consumer "+consumer, c.explain(err))
	}
	return one.CachedInfo().NumPending, nil
}
