package endpoints

import (
	"context"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
)

// Replay sends again what happened in a time, beside what happens now. Faults:
// webhook.invalid as a [Refusal], webhook.not_found, webhook.disabled, webhook.too_many,
// those of the bus.
func (s *Store) Replay(ctx context.Context, tenant, id string, r api.ReplayRequest) (api.Replay, error) {
	if r.Until.IsZero() {
		r.Until = now()
	}
	list := webhook.Filter{Types: r.Types}.Check()
	if r.Since.IsZero() || r.Until.Before(r.Since) {
		list = append(list, events.ProblemError{
			Pointer: "/since", Code: string(fault.WebhookInvalid), Detail: "it is missing, or later than until",
		})
	}
	if list != nil {
		return api.Replay{}, &Refusal{list}
	}
	from, err := s.firstSince(ctx, r.Since)
	if err != nil {
		return api.Replay{}, err
	}
	to, err := s.firstSince(ctx, r.Until.Add(1))
	if err != nil {
		return api.Replay{}, err
	}
	return s.addReplay(ctx, tenant, id, api.Replay{From: from, To: to - 1, Types: r.Types})
}

// ReplayDelivery sends the event of a delivery again. Faults:
// webhook.delivery_not_found, webhook.event_gone, and those of [Store.Replay].
func (s *Store) ReplayDelivery(ctx context.Context, tenant, id string) (api.Replay, error) {
	d, err := s.Delivery(ctx, tenant, id)
	if err != nil {
		return api.Replay{}, err
	}
	_, err = s.Bus.Get(ctx, events.StreamEvents, d.Sequence)
	if d.Sequence == 0 || fault.Has(err, fault.BusNotFound) {
		return api.Replay{}, fault.New(fault.WebhookEventGone, d.Event, nil)
	}
	if err != nil {
		return api.Replay{}, err
	}
	return s.addReplay(ctx, tenant, d.Webhook, api.Replay{
		From: d.Sequence, To: d.Sequence, Job: d.Job, Types: []string{"*"},
	})
}

func (s *Store) addReplay(ctx context.Context, tenant, id string, r api.Replay) (api.Replay, error) {
	r.ID, r.CreatedAt = newID(), now()
	_, _, err := s.change(ctx, tenant, id, nil, func(e *webhook.Endpoint) error {
		switch {
		case !e.Enabled:
			return fault.New(fault.WebhookDisabled, e.Reason, nil)
		case len(e.Replays) >= MaxReplays:
			return fault.New(fault.WebhookTooMany, "four replays of an endpoint may be under way", nil)
		}
		e.Replays = append(e.Replays, r)
		return nil
	})
	return r, err
}

// EndReplay removes a replay that has ended. It may be called again.
func (s *Store) EndReplay(ctx context.Context, tenant, id, replay string) error {
	_, _, err := s.change(ctx, tenant, id, nil, func(e *webhook.Endpoint) error {
		e.Replays = slices.DeleteFunc(e.Replays, func(r api.Replay) bool { return r.ID == replay })
		return nil
	})
	if err != nil && !fault.Has(err, fault.WebhookNotFound) {
		return err
	}
	return s.kv.Delete(ctx, laneKey(tenant, id, replay))
}

// firstSince returns the sequence of the first record since a time, and the one after
// the last record when there is none. Records are in the order of their times.
func (s *Store) firstSince(ctx context.Context, since time.Time) (uint64, error) {
	last, err := s.last(ctx)
	if err != nil {
		return 0, err
	}
	low, high := uint64(1), last+1 // the answer is among them
	for low < high {
		middle := low + (high-low)/2
		m, err := s.Bus.Next(ctx, events.StreamEvents, events.AllEvents, middle)
		switch {
		case fault.Has(err, fault.BusNotFound):
			high = middle
		case err != nil:
			return 0, err
		case m.Time.Before(since):
			low = m.Sequence + 1
		default:
			high = middle
		}
	}
	return low, nil
}
