package bus

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
)

// StageConsumer says how the two durable consumers of a stage behave.
type StageConsumer struct {
	// AckWait is how long after its last sign of life a worker's message goes
	// to another. Zero means 2.5 seconds.
	AckWait time.Duration
	// MaxAckPending bounds the stage's work in flight over all processes.
	// Zero means 10,000.
	MaxAckPending int
}

const (
	defaultAckWait = 2500 * time.Millisecond
	// ackPending is far above what all workers together hold: a consumer that
	// reaches it stops.
	ackPending = 10_000
	// waitingPulls bounds the pull requests that wait at the broker. Each
	// subscription keeps a handful open.
	waitingPulls = 4096
)

// consumer is a durable pull consumer that redelivers for ever: how often a
// message may fail is decided by whoever handles it.
func consumer(name, filter string, ackWait time.Duration, pending int) jetstream.ConsumerConfig {
	if ackWait <= 0 {
		ackWait = defaultAckWait
	}
	if pending <= 0 {
		pending = ackPending
	}
	return jetstream.ConsumerConfig{
		Durable:       name,
		FilterSubject: filter,
		AckPolicy:     jetstream.AckExplicitPolicy,
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckWait:       ackWait,
		MaxDeliver:    -1,
		MaxAckPending: pending,
		MaxWaiting:    waitingPulls,
		Metadata:      map[string]string{managedKey: "true"},
	}
}

// conductorConsumers lists the conductor's consumers by stream.
func conductorConsumers(ackWait time.Duration) map[string][]jetstream.ConsumerConfig {
	one := func(name, filter string) jetstream.ConsumerConfig {
		return consumer(name, filter, ackWait, 0)
	}
	return map[string][]jetstream.ConsumerConfig{
		events.StreamIntake:   {one(events.ConsumerIntake, events.AllSubmit)},
		events.StreamOutcomes: {one(events.ConsumerOutcomes, events.AllOutcomes)},
		events.StreamControl:  {one(events.ConsumerControl, events.AllControl)},
		events.StreamQueue:    {one(events.ConsumerDue, events.AllDue), one(events.ConsumerTimers, events.AllTimers)},
	}
}

// stageConsumers lists the consumers of one stage: one for its work, one for
// its undos, so that neither waits behind the other.
func stageConsumers(stage string, o StageConsumer) []jetstream.ConsumerConfig {
	return []jetstream.ConsumerConfig{
		consumer(events.StageConsumer(stage), events.WorkOf(stage), o.AckWait, o.MaxAckPending),
		consumer(events.UndoConsumer(stage), events.UndoOf(stage), o.AckWait, o.MaxAckPending),
	}
}
