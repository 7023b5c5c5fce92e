package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// CreateWebhook makes an endpoint that events are sent to. Its secret, or public key, is
// in the answer and nowhere else. Faults: webhook.invalid with every complaint in the
// [Problem], webhook.too_many, those of http and client.
func (c *Client) CreateWebhook(ctx context.Context, r api.WebhookRequest) (*api.Webhook, error) {
	return c.webhook(ctx, call{method: http.MethodPost, path: "/v1/webhooks", query: because(ctx), once: true}, r)
}

// Webhooks returns the endpoints of the tenant, by age.
func (c *Client) Webhooks(ctx context.Context) ([]api.Webhook, error) {
	var list api.WebhookList
	if err := c.get(ctx, "/v1/webhooks", nil, &list); err != nil {
		return nil, err
	}
	return list.Webhooks, nil
}

// Webhook returns an endpoint and how far it is. Faults: webhook.not_found, those of
// http and client.
func (c *Client) Webhook(ctx context.Context, id string) (*api.Webhook, error) {
	var w api.Webhook
	if err := c.get(ctx, webhookPath(id), nil, &w); err != nil {
		return nil, err
	}
	return &w, nil
}

// UpdateWebhook changes an endpoint. revision is the one that it must have; zero means
// any. Faults: webhook.invalid with every complaint in the [Problem], webhook.not_found,
// webhook.stale_revision, those of http and client.
func (c *Client) UpdateWebhook(
	ctx context.Context, id string, change api.WebhookChange, revision uint64,
) (*api.Webhook, error) {
	k := call{method: http.MethodPatch, path: webhookPath(id), once: revision != 0, header: matching(revision)}
	return c.webhook(ctx, k, change)
}

// DeleteWebhook removes an endpoint. Faults: webhook.not_found, those of http and client.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	r, err := c.do(ctx, call{method: http.MethodDelete, path: webhookPath(id), query: because(ctx), once: true})
	if err == nil {
		discard(r)
	}
	return err
}

// RotateWebhook gives an endpoint a new secret, which is in the answer and nowhere else.
// Those of before sign as well for overlap, in whole seconds. Faults: webhook.not_found,
// those of http and client.
func (c *Client) RotateWebhook(ctx context.Context, id string, overlap time.Duration) (*api.Webhook, error) {
	seconds := int64(overlap / time.Second)
	k := call{method: http.MethodPost, path: webhookPath(id) + "/rotate", query: because(ctx), once: true}
	return c.webhook(ctx, k, api.WebhookRotation{OverlapSeconds: &seconds})
}

// TestWebhook sends an endpoint a test and returns what came of it. Faults:
// webhook.not_found, http.not_ready when nobody sends webhooks, those of http and client.
func (c *Client) TestWebhook(ctx context.Context, id string) (*api.Delivery, error) {
	var d api.Delivery
	k := call{method: http.MethodPost, path: webhookPath(id) + "/test", query: because(ctx), once: true}
	if err := c.json(ctx, k, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// ReplayWebhook sends the events of a time to an endpoint again. Faults:
// webhook.not_found, webhook.invalid, webhook.disabled, webhook.too_many, those of http
// and client.
func (c *Client) ReplayWebhook(ctx context.Context, id string, r api.ReplayRequest) (*api.Replay, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fault.New(fault.HTTPBadRequest, "encode the replay", err)
	}
	var replay api.Replay
	err = c.json(ctx, call{
		method: http.MethodPost, path: webhookPath(id) + "/replay", query: because(ctx),
		body: body, header: jsonHeader(), once: true,
	}, &replay)
	if err != nil {
		return nil, err
	}
	return &replay, nil
}

// Deliveries returns a page of attempts to send events, newest first.
func (c *Client) Deliveries(ctx context.Context, q api.DeliveryQuery) (*api.DeliveryPage, error) {
	var page api.DeliveryPage
	if err := c.get(ctx, "/v1/deliveries", q.Values(), &page); err != nil {
		return nil, err
	}
	return &page, nil
}

// Delivery returns an attempt to send an event. Faults: webhook.delivery_not_found,
// those of http and client.
func (c *Client) Delivery(ctx context.Context, id string) (*api.Delivery, error) {
	var d api.Delivery
	if err := c.get(ctx, "/v1/deliveries/"+url.PathEscape(id), nil, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// ReplayDelivery sends the event of an attempt again. Faults:
// webhook.delivery_not_found, webhook.event_gone, and those of [Client.ReplayWebhook].
func (c *Client) ReplayDelivery(ctx context.Context, id string) (*api.Replay, error) {
	var replay api.Replay
	err := c.json(ctx, call{
		method: http.MethodPost, path: "/v1/deliveries/" + url.PathEscape(id) + "/replay", query: because(ctx), once: true,
	}, &replay)
	if err != nil {
		return nil, err
	}
	return &replay, nil
}

// webhook sends v and returns the endpoint of the answer.
func (c *Client) webhook(ctx context.Context, k call, v any) (*api.Webhook, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fault.New(fault.HTTPBadRequest, "encode the request", err)
	}
	k.body = body
	if k.header == nil {
		k.header = jsonHeader()
	}
	var w api.Webhook
	if err := c.json(ctx, k, &w); err != nil {
		return nil, err
	}
	return &w, nil
}

// matching states the revision that something must have, and the type of the body.
func matching(revision uint64) http.Header {
	h := http.Header{"Content-Type": {events.ContentTypeJSON}}
	if revision != 0 {
		h.Set("If-Match", `"`+strconv.FormatUint(revision, 10)+`"`)
	}
	return h
}

func webhookPath(id string) string { return "/v1/webhooks/" + url.PathEscape(id) }
