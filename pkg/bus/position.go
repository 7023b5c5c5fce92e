package bus

import (
	"context"
	"time"
)

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

// Extent is what a stream holds.
type Extent struct {
	// Created is when the stream was made. One that was made again is another log.
	Created time.Time
	// First and Last are the sequences of the oldest message and of the newest that
	// there ever was. A stream that is empty has First after Last.
	First, Last uint64
	// FirstTime and LastTime are when those were stored. Zero without any.
	FirstTime, LastTime time.Time
}

// Extent returns what a stream holds. Faults: bus.not_found without the stream, and
// those of the connection.
func (c *Conn) Extent(ctx context.Context, stream string) (Extent, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	s, err := c.js.Stream(ctx, stream) // asks the broker; nothing is cached
	if err != nil {
		return Extent{}, busFault("look at stream "+stream, c.explain(err))
	}
	info := s.CachedInfo()
	e := Extent{
		Created: info.Created.UTC(), First: info.State.FirstSeq, Last: info.State.LastSeq,
		FirstTime: info.State.FirstTime.UTC(), LastTime: info.State.LastTime.UTC(),
	}
	if info.State.Msgs == 0 {
		e.First, e.FirstTime = e.Last+1, time.Time{}
	}
	return e, nil
}
