package gateway

import (
	"net/http"
	"net/url"
	"time"

	"github.com/millrace/millrace/pkg/api"
)

// getDeliveries answers with a page of attempts.
func (g *Gateway) getDeliveries(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return badRequest("the query is malformed")
	}
	q, err := api.ParseDeliveryQuery(values)
	if err != nil {
		return err
	}
	page, err := hooks.Deliveries(x.r.Context(), x.tenant, q)
	if err != nil {
		return err
	}
	if page.NextCursor != "" {
		q.Cursor = page.NextCursor
		x.w.Header().Add("Link", "</v1/deliveries?"+q.Values().Encode()+`>; rel="next"`)
	}
	return x.json(http.StatusOK, page)
}

func (g *Gateway) getDelivery(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	d, err := hooks.Delivery(x.r.Context(), x.tenant, x.r.PathValue("id"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, d)
}

// postDeliveryReplay sends the event of an attempt again.
func (g *Gateway) postDeliveryReplay(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	if err := x.actsFor(""); err != nil {
		return err
	}
	r, err := hooks.ReplayDelivery(x.r.Context(), x.tenant, x.r.PathValue("id"))
	if err != nil {
		return err
	}
	g.Log.Info("webhook delivery replayed", "tenant", x.tenant, "delivery", x.r.PathValue("id"))
	return x.json(http.StatusAccepted, r)
}

// postReplay sends the events of a time again.
func (g *Gateway) postReplay(x *exchange) error {
	hooks, err := g.webhooks()
	if err != nil {
		return err
	}
	var q api.ReplayRequest
	if err := x.webhookBody(&q, true); err != nil {
		return err
	}
	detail := "since " + q.Since.UTC().Format(time.RFC3339)
	if !q.Until.IsZero() {
		detail += " until " + q.Until.UTC().Format(time.RFC3339)
	}
	if err := x.actsFor(detail); err != nil {
		return err
	}
	r, err := hooks.Replay(x.r.Context(), x.tenant, x.r.PathValue("id"), q)
	if err != nil {
		return complaining(err)
	}
	g.Log.Info("webhooks replayed", "tenant", x.tenant, "webhook", x.r.PathValue("id"), "from", r.From, "to", r.To)
	return x.json(http.StatusAccepted, r)
}
