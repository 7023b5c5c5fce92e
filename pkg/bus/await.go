package bus

import (
	"context"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Needs is what must be there for somebody who may not make it.
type Needs struct {
	// Consumers are durable consumers, by stream, and Buckets are key-value buckets.
	Consumers map[string][]string
	Buckets   []string
}

// ConductorNeeds is what a conductor needs.
func ConductorNeeds() Needs {
	n := Needs{
		Consumers: map[string][]string{},
		Buckets:   []string{events.BucketPipelines, events.BucketRules},
	}
	for stream, all := range conductorConsumers(0) {
		for _, c := range all {
			n.Consumers[stream] = append(n.Consumers[stream], c.Durable)
		}
	}
	return n
}

// StageNeeds is what the worker of a stage needs.
func StageNeeds(stage string) Needs {
	return Needs{
		Consumers: map[string][]string{
			events.StreamQueue: {events.StageConsumer(stage), events.UndoConsumer(stage)},
		},
		Buckets: []string{events.BucketBreakers},
	}
}

// Look returns nil when all is there, and otherwise what is wrong with the first thing
// that is not. Faults: bus.not_found, bus.denied when this user may not look,
// bus.timeout, bus.closed, bus.unreachable.
func (c *Conn) Look(ctx context.Context, n Needs) error {
	begin := time.Now()
	for stream, durables := range n.Consumers {
		for _, durable := range durables {
			if _, err := c.inspect(ctx, stream, durable); err != nil {
				err = busFault("find consumer "+durable+" of stream "+stream, c.explain(err))
				return c.refusedSince(begin, err)
			}
		}
	}
	for _, bucket := range n.Buckets {
		if _, err := c.KV(ctx, bucket); err != nil {
			return c.refusedSince(begin, err)
		}
	}
	return nil
}

// Restore makes again what was provisioned over this connection and has gone: a broker
// that was restarted has lost the streams that it kept in memory. What is there is left
// as it is. It may be called at any time. Faults: as for [Conn.Provision].
func (c *Conn) Restore(ctx context.Context) error {
	for _, cfg := range c.plans.allStreams() {
		_, err := c.Depth(ctx, cfg.Name)
		if !fault.Has(err, fault.BusNotFound) {
			if err != nil {
				return err
			}
			continue
		}
		if err := c.provisionStream(ctx, cfg); err != nil {
			return err
		}
		c.log.Warn("a stream was gone and is made again", "stream", cfg.Name)
	}
	for _, name := range c.plans.allConsumers() {
		if _, err := c.locate(ctx, name.stream, name.durable); err != nil {
			return err
		}
	}
	return nil
}
