package conductor

import (
	"context"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// survey looks for due items in the broker. It is made for one comparison and
// remembers how far each consumer has acknowledged.
type survey struct {
	broker Broker
	acked  map[place]uint64
}

// place is a subject of a stream, or a consumer of it.
type place struct{ stream, name string }

func newSurvey(b Broker) *survey { return &survey{broker: b, acked: make(map[place]uint64)} }

// finds reports whether a due item is where a consumer will find it, or already
// answered. The order matters: work moves from the queue to the outcomes to the
// record.
func (s *survey) finds(ctx context.Context, e *entry, d events.DueItem) (bool, error) {
	stage, _, _ := strings.Cut(e.job.Steps[d.Step].Stage, "@")
	t, j := e.key.tenant, e.key.job
	outcome := place{events.StreamOutcomes, events.OutcomeOfStep(t, j, d.Step)}
	switch d.Kind {
	case events.DueTimer:
		timer := place{events.StreamQueue, timerSubject(e.key, d)}
		fired := place{events.StreamQueue, events.DueSubject(t, j)}
		return s.either(ctx, timer, "", fired, events.ConsumerDue)
	case events.DueUndo:
		work := place{events.StreamQueue, events.UndoOfStep(t, j, d.Step)}
		return s.either(ctx, work, events.UndoConsumer(stage), outcome, events.ConsumerOutcomes)
	}
	work := place{events.StreamQueue, events.WorkOfStep(t, j, d.Step)}
	return s.either(ctx, work, events.StageConsumer(stage), outcome, events.ConsumerOutcomes)
}

// either reports whether one of two places holds a message that its consumer
// will still deliver.
func (s *survey) either(ctx context.Context, a place, consumerA string, b place, consumerB string) (bool, error) {
	found, err := s.deliverable(ctx, a, consumerA)
	if found || err != nil {
		return found, err
	}
	return s.deliverable(ctx, b, consumerB)
}

// deliverable reports whether the last message of a subject will be delivered.
// One that its consumer takes for acknowledged will not: a broker that was killed
// can have kept the acknowledgement and not the deletion. It is removed.
func (s *survey) deliverable(ctx context.Context, p place, consumer string) (bool, error) {
	m, err := s.broker.Last(ctx, p.stream, p.name)
	if fault.Has(err, fault.BusNotFound) {
		return false, nil
	}
	if err != nil || consumer == "" {
		return err == nil, err
	}
	floor, err := s.floor(ctx, place{p.stream, consumer})
	if err != nil || m.Sequence > floor {
		return err == nil, err
	}
	return false, s.broker.Purge(ctx, p.stream, m.Subject)
}

// floor returns how far a consumer has acknowledged. One that does not exist yet
// has acknowledged nothing.
func (s *survey) floor(ctx context.Context, p place) (uint64, error) {
	if n, ok := s.acked[p]; ok {
		return n, nil
	}
	n, err := s.broker.Acked(ctx, p.stream, p.name)
	if fault.Has(err, fault.BusNotFound) {
		err = nil
	}
	if err == nil {
		s.acked[p] = n
	}
	return n, err
}
