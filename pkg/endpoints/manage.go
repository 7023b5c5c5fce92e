package endpoints

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
)

// Limits of what there may be.
const (
	// MaxEndpoints is how many endpoints a tenant may have.
	MaxEndpoints = 50
	// MaxReplays is how many replays of an endpoint may be under way.
	MaxReplays = 4
	// MaxOverlap is for how long secrets of before may sign beside a new one.
	MaxOverlap = 30 * 24 * time.Hour
	// DefaultOverlap is for how long they do when nothing is said.
	DefaultOverlap = 24 * time.Hour
	// maxSecrets is how many secrets sign at once: what is older is dropped.
	maxSecrets = 4
)

// Refusal is an error that lists everything that is wrong with an endpoint.
type Refusal struct{ List []events.ProblemError }

// Error returns the first complaint.
func (r *Refusal) Error() string { return r.List[0].Pointer + " " + r.List[0].Detail }

// Unwrap gives the fault webhook.invalid.
func (r *Refusal) Unwrap() error { return fault.New(fault.WebhookInvalid, "", nil) }

// ProblemErrors returns the complaints.
func (r *Refusal) ProblemErrors() []events.ProblemError { return r.List }

// Create makes an endpoint, which is sent what happens from now on, and a secret, which
// is in the answer and nowhere else. Faults: webhook.invalid as a [Refusal],
// webhook.too_many, those of the bus.
func (s *Store) Create(ctx context.Context, tenant string, r api.WebhookRequest) (api.Webhook, error) {
	e := &webhook.Endpoint{
		ID: newID(), Tenant: tenant, Scheme: webhook.Scheme(r.Scheme), Enabled: true,
		Settings: webhook.Settings{
			URL: r.URL, Description: r.Description,
			Filter: webhook.Filter{Types: r.Types, Pipelines: r.Pipelines},
		},
		CreatedAt: now(), ChangedAt: now(),
	}
	list := e.Check(s.Allows)
	switch e.Scheme {
	case "":
		e.Scheme = webhook.SchemeV1
	case webhook.SchemeV1, webhook.SchemeV1a:
	default:
		list = append(list, events.ProblemError{
			Pointer: "/scheme", Code: string(fault.WebhookInvalid), Detail: "there are v1 and v1a",
		})
	}
	if list != nil {
		return api.Webhook{}, &Refusal{list}
	}
	have := 0
	if err := s.each(ctx, tenant, func(*webhook.Endpoint, uint64) { have++ }); err != nil {
		return api.Webhook{}, err
	}
	if have >= MaxEndpoints {
		return api.Webhook{}, fault.New(fault.WebhookTooMany, "a tenant may have 50 endpoints", nil)
	}
	return s.create(ctx, e)
}

func (s *Store) create(ctx context.Context, e *webhook.Endpoint) (api.Webhook, error) {
	var err error
	if e.Since, err = s.last(ctx); err != nil {
		return api.Webhook{}, err
	}
	key, err := s.addSecret(e, 0)
	if err != nil {
		return api.Webhook{}, err
	}
	value, err := json.Marshal(e)
	if err != nil {
		return api.Webhook{}, fault.New(fault.InternalBug, "encode an endpoint", err)
	}
	revision, err := s.kv.Create(ctx, endpointKey(e.Tenant, e.ID), value)
	if err != nil {
		return api.Webhook{}, err
	}
	return revealed(s.shown(e, revision), key), nil
}

// last is the last record of any job.
func (s *Store) last(ctx context.Context) (uint64, error) {
	m, err := s.Bus.Last(ctx, events.StreamEvents, events.AllEvents)
	if fault.Has(err, fault.BusNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return m.Sequence, nil
}

// addSecret makes a key for an endpoint; those that it has sign for overlap more.
func (s *Store) addSecret(e *webhook.Endpoint, overlap time.Duration) (webhook.Key, error) {
	key := webhook.NewKey(e.Scheme)
	sealed, err := s.Vault.Seal(e.Tenant, e.ID, key)
	if err != nil {
		return key, err
	}
	at := now()
	var keep []webhook.Secret
	for _, old := range e.Secrets {
		if end := at.Add(overlap); old.ExpiresAt.IsZero() || end.Before(old.ExpiresAt) {
			old.ExpiresAt = end
		}
		if old.Valid(at) {
			keep = append(keep, old)
		}
	}
	keep = keep[max(0, len(keep)-maxSecrets+1):]
	e.Secrets = append(keep, webhook.Secret{ID: newID(), Sealed: sealed, Public: key.Public(), CreatedAt: at})
	return key, nil
}

// Rotate gives an endpoint a new secret, which is in the answer and nowhere else. Those
// of before sign as well for overlap, at most [MaxOverlap]. Faults: webhook.not_found,
// webhook.stale_revision, those of the bus.
func (s *Store) Rotate(
	ctx context.Context, tenant, id string, overlap time.Duration, stated *uint64,
) (api.Webhook, error) {
	var key webhook.Key
	e, revision, err := s.change(ctx, tenant, id, stated, func(e *webhook.Endpoint) (err error) {
		key, err = s.addSecret(e, min(max(overlap, 0), MaxOverlap))
		return err
	})
	if err != nil {
		return api.Webhook{}, err
	}
	return revealed(s.shown(e, revision), key), nil
}

// revealed adds what the other side must be told: the secret, of a pair of keys the
// public one.
func revealed(w api.Webhook, key webhook.Key) api.Webhook {
	if w.Secret = key.Public(); w.Secret == "" {
		w.Secret = key.Reveal()
	}
	return w
}

// Update changes the settings of an endpoint. Faults: webhook.invalid as a [Refusal],
// webhook.not_found, webhook.stale_revision, those of the bus.
func (s *Store) Update(
	ctx context.Context, tenant, id string, c api.WebhookChange, stated *uint64,
) (api.Webhook, error) {
	last := uint64(0)
	if c.Skip {
		var err error
		if last, err = s.last(ctx); err != nil {
			return api.Webhook{}, err
		}
	}
	e, revision, err := s.change(ctx, tenant, id, stated, func(e *webhook.Endpoint) error {
		set(&e.URL, c.URL)
		set(&e.Types, c.Types)
		set(&e.Pipelines, c.Pipelines)
		set(&e.Description, c.Description)
		if c.Enabled != nil {
			e.Enabled, e.Reason = *c.Enabled, ""
			if !e.Enabled {
				e.Reason = fault.Clip("switched off: "+c.Reason, 300)
			}
		}
		e.Since = max(e.Since, last)
		if list := e.Check(s.Allows); list != nil {
			return &Refusal{list}
		}
		return nil
	})
	if err != nil {
		return api.Webhook{}, err
	}
	return s.withStatus(ctx, e, revision)
}

// Disable switches an endpoint off for what happened at an address. One that has
// another address by now stays as it is.
func (s *Store) Disable(ctx context.Context, tenant, id, address, reason string) error {
	_, _, err := s.change(ctx, tenant, id, nil, func(e *webhook.Endpoint) error {
		if e.URL != address || !e.Enabled {
			return errAsItIs
		}
		e.Enabled, e.Reason = false, fault.Clip(reason, 300)
		return nil
	})
	if errors.Is(err, errAsItIs) || fault.Has(err, fault.WebhookNotFound) {
		return nil
	}
	return err
}

// errAsItIs leaves an endpoint as it is.
var errAsItIs = errors.New("nothing to change")

// Delete removes an endpoint with all that is known of it but for the log. Faults:
// webhook.not_found, webhook.stale_revision, those of the bus.
func (s *Store) Delete(ctx context.Context, tenant, id string, stated *uint64) error {
	_, revision, err := s.Get(ctx, tenant, id)
	if err != nil {
		return err
	}
	if stated != nil && *stated != revision {
		return fault.New(fault.WebhookStaleRevision, id, nil)
	}
	if err := s.kv.Delete(ctx, endpointKey(tenant, id)); err != nil {
		return err
	}
	lanes, err := s.lanes(ctx, tenant, id)
	if err != nil {
		return err
	}
	for key := range lanes {
		if err := s.kv.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func set[T any](at *T, to *T) {
	if to != nil {
		*at = *to
	}
}

// newID returns an id that is like no other.
func newID() string { return strings.ToLower(rand.Text()[:16]) }
