package bus

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// Backlog is what a durable consumer has before it.
type Backlog struct {
	Consumer string
	// Pending counts the messages that it has not delivered yet, and InFlight those
	// that it has delivered and that are not acknowledged; Redelivered of these were
	// delivered before.
	Pending               uint64
	InFlight, Redelivered int
	// Delivered counts all deliveries since there is the consumer.
	Delivered uint64
	// Pulls counts the requests for messages that wait at the broker. Without any,
	// nobody is there to take one.
	Pulls int
	// Oldest is when the oldest message was stored that is not acknowledged. It is
	// zero when all are.
	Oldest time.Time
}

// Served reports whether somebody takes the messages, or has some.
func (b Backlog) Served() bool { return b.Pulls > 0 || b.InFlight > 0 }

// Backlogs returns what the durable consumers of a stream have before them, by name.
// It costs a look at each consumer that has something. Faults: bus.not_found without
// the stream, and those of the connection.
func (c *Conn) Backlogs(ctx context.Context, stream string) ([]Backlog, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	s, err := c.js.Stream(ctx, stream)
	if err != nil {
		return nil, busFault("look at stream "+stream, c.explain(err))
	}
	var all []Backlog
	list := s.ListConsumers(ctx)
	for info := range list.Info() {
		if info.Config.Durable == "" {
			continue
		}
		b, err := c.backlog(ctx, info)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	if err := list.Err(); err != nil {
		return nil, busFault("list the consumers of "+stream, c.explain(err))
	}
	slices.SortFunc(all, func(a, b Backlog) int { return strings.Compare(a.Consumer, b.Consumer) })
	return all, nil
}

// backlog adds to what the broker says of a consumer how old its first message is.
func (c *Conn) backlog(ctx context.Context, info *jetstream.ConsumerInfo) (Backlog, error) {
	b := Backlog{
		Consumer: info.Name, Pending: info.NumPending, InFlight: info.NumAckPending,
		Redelivered: info.NumRedelivered, Delivered: info.Delivered.Consumer, Pulls: info.NumWaiting,
	}
	if b.Pending == 0 && b.InFlight == 0 || info.Config.FilterSubject == "" {
		return b, nil
	}
	m, err := c.Next(ctx, info.Stream, info.Config.FilterSubject, info.AckFloor.Stream+1)
	switch {
	case fault.Has(err, fault.BusNotFound): // acknowledged meanwhile
		return b, nil
	case err != nil:
		return Backlog{}, err
	}
	b.Oldest = m.Time
	return b, nil
}
