package endpoints

import (
	"cmp"
	"context"
	"slices"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/webhook"
)

// Read returns an endpoint as it is shown. Faults: those of [Store.Get].
func (s *Store) Read(ctx context.Context, tenant, id string) (api.Webhook, error) {
	e, revision, err := s.Get(ctx, tenant, id)
	if err != nil {
		return api.Webhook{}, err
	}
	return s.withStatus(ctx, e, revision)
}

// List returns the endpoints of a tenant, by age.
func (s *Store) List(ctx context.Context, tenant string) (api.WebhookList, error) {
	list := api.WebhookList{Webhooks: []api.Webhook{}}
	err := s.each(ctx, tenant, func(e *webhook.Endpoint, revision uint64) {
		list.Webhooks = append(list.Webhooks, s.shown(e, revision))
	})
	if err != nil {
		return list, err
	}
	lanes, err := s.lanes(ctx, tenant, "*")
	if err != nil {
		return list, err
	}
	for i := range list.Webhooks {
		w := &list.Webhooks[i]
		if l := lanes[laneKey(tenant, w.ID, MainLane)]; l != nil {
			w.Status = l.status(w.Status)
		}
	}
	slices.SortFunc(list.Webhooks, func(a, b api.Webhook) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

func (s *Store) withStatus(ctx context.Context, e *webhook.Endpoint, revision uint64) (api.Webhook, error) {
	w := s.shown(e, revision)
	l, _, err := s.Lane(ctx, e.Tenant, e.ID, MainLane)
	if err == nil && l != nil {
		w.Status = l.status(w.Status)
	}
	return w, err
}

// shown is an endpoint without its secrets.
func (s *Store) shown(e *webhook.Endpoint, revision uint64) api.Webhook {
	w := api.Webhook{
		ID: e.ID, Revision: revision, URL: e.URL, Types: append([]string{}, e.Types...),
		Pipelines: append([]string{}, e.Pipelines...), Description: e.Description, Scheme: string(e.Scheme),
		Enabled: e.Enabled, Reason: e.Reason, Replays: e.Replays, CreatedAt: e.CreatedAt, ChangedAt: e.ChangedAt,
		Status: api.WebhookStatus{Position: e.Since},
	}
	at := now()
	for _, k := range e.Secrets {
		if k.Valid(at) {
			w.Secrets = append(w.Secrets, api.WebhookSecret{
				ID: k.ID, Public: k.Public, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
			})
		}
	}
	return w
}

func (l *Lane) status(least api.WebhookStatus) api.WebhookStatus {
	return api.WebhookStatus{
		Position: max(l.Done, least.Position), Waiting: len(l.Behind),
		Failures: l.Failures, FailingSince: l.FailingSince,
	}
}
