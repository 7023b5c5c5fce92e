package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/fault"
)

// maxWebhook bounds the description of an endpoint in bytes.
const maxWebhook = 64 << 10

// hookTestTimeout is how long a test of an endpoint may take: longer than the notifier
// waits for the receiver.
const hookTestTimeout = 20 * time.Second

// webhooks returns who keeps endpoints. Fault: http.not_ready.
func (g *Gateway) webhooks() (*endpoints.Store, error) {
	if g.Webhooks == nil {
		return nil, fault.New(fault.HTTPNotReady, "this process knows of no webhooks", nil)
	}
	return g.Webhooks, nil
}

// webhookBody reads a JSON body, which may be missing if need is false. A member that
// is not known is refused: a filter that is misspelt would match more than is meant.
func (x *exchange) webhookBody(into any, need bool) error {
	data, err := x.readBody(maxWebhook)
	if err != nil || len(data) == 0 && !need {
		return err
	}
	if t := x.mediaType(); t != events.ContentTypeJSON && t != "application/merge-patch+json" {
		return fault.New(fault.HTTPUnsupportedMediaType, "send application/json", nil)
	}
	if _, err := readFields(data); err != nil {
		return badRequest("the body is not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return badRequest("the body cannot be used: " + err.Error())
	}
	return nil
}

// postWebhook makes an endpoint.
func (g *Gateway) postWebhook(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	var r api.WebhookRequest
	if err := x.webhookBody(&r, true); err != nil {
		return err
	}
	if err := x.actsFor(""); err != nil {
		return err
	}
	hook, err := hooks.Create(x.r.Context(), x.tenant, r)
	if err != nil {
		return complaining(err)
	}
	x.deed.Target = hook.ID
	g.Log.Info("webhook endpoint made", "tenant", x.tenant, "webhook", hook.ID)
	x.w.Header().Set("Location", "/v1/webhooks/"+hook.ID)
	return x.webhook(http.StatusCreated, hook)
}

// getWebhooks answers with the endpoints of the tenant.
func (g *Gateway) getWebhooks(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	list, err := hooks.List(x.r.Context(), x.tenant)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, list)
}

func (g *Gateway) getWebhook(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	hook, err := hooks.Read(x.r.Context(), x.tenant, x.r.PathValue("id"))
	if err != nil {
		return err
	}
	return x.webhook(http.StatusOK, hook)
}

// patchWebhook changes an endpoint, with If-Match only as it was read.
func (g *Gateway) patchWebhook(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	var c api.WebhookChange
	if err := x.webhookBody(&c, true); err != nil {
		return err
	}
	stated, err := x.statedRevision()
	if err != nil {
		return err
	}
	if err := x.act(c.Reason, changedMembers(c)); err != nil {
		return err
	}
	hook, err := hooks.Update(x.r.Context(), x.tenant, x.r.PathValue("id"), c, stated)
	if err != nil {
		return complaining(err)
	}
	g.Log.Info("webhook endpoint changed", "tenant", x.tenant, "webhook", hook.ID)
	return x.webhook(http.StatusOK, hook)
}

// changedMembers names what a change of an endpoint is about: the audit is no place for
// addresses, which may hold secrets of the receiver.
func changedMembers(c api.WebhookChange) string {
	var words []string
	for _, m := range []struct {
		name  string
		given bool
	}{
		{"url", c.URL != nil},
		{"types", c.Types != nil},
		{"pipelines", c.Pipelines != nil},
		{"description", c.Description != nil},
		{"enable", c.Enabled != nil && *c.Enabled},
		{"disable", c.Enabled != nil && !*c.Enabled},
		{"skip", c.Skip},
	} {
		if m.given {
			words = append(words, m.name)
		}
	}
	return strings.Join(words, ", ")
}

func (g *Gateway) deleteWebhook(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	stated, err := x.statedRevision()
	if err != nil {
		return err
	}
	id := x.r.PathValue("id")
	if err := x.actsFor(""); err != nil {
		return err
	}
	if err := hooks.Delete(x.r.Context(), x.tenant, id, stated); err != nil {
		return err
	}
	g.Log.Info("webhook endpoint removed", "tenant", x.tenant, "webhook", id)
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// postRotate gives an endpoint a new secret.
func (g *Gateway) postRotate(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	var r api.WebhookRotation
	if err := x.webhookBody(&r, false); err != nil {
		return err
	}
	overlap := endpoints.DefaultOverlap
	if s := r.OverlapSeconds; s != nil {
		if *s < 0 || *s > int64(endpoints.MaxOverlap/time.Second) {
			return badRequest("overlap_seconds is not 0 to 30 days")
		}
		overlap = time.Duration(*s) * time.Second
	}
	stated, err := x.statedRevision()
	if err != nil {
		return err
	}
	if err := x.actsFor("overlap " + overlap.String()); err != nil {
		return err
	}
	hook, err := hooks.Rotate(x.r.Context(), x.tenant, x.r.PathValue("id"), overlap, stated)
	if err != nil {
		return err
	}
	g.Log.Info("webhook secret rotated", "tenant", x.tenant, "webhook", hook.ID)
	return x.webhook(http.StatusOK, hook)
}

// postHookTest has the notifier send a test, and answers with what came of it.
func (g *Gateway) postHookTest(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	e, _, err := hooks.Get(x.r.Context(), x.tenant, x.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := x.actsFor(""); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), hookTestTimeout)
	defer cancel()
	m, err := g.Bus.Request(ctx, events.HookTestSubject(x.tenant, e.ID), nil, nil)
	if fault.Has(err, fault.BusNotFound) || fault.Has(err, fault.BusTimeout) {
		return fault.New(fault.HTTPNotReady, "no process with the role notifier sends webhooks now", nil)
	}
	if err != nil {
		return err
	}
	return x.send(http.StatusOK, events.ContentTypeJSON, m.Data)
}

// webhook answers with an endpoint.
func (x *exchange) webhook(status int, hook api.Webhook) error {
	x.w.Header().Set("ETag", etag(hook.Revision))
	return x.json(status, hook)
}
