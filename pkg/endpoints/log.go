package endpoints

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// Log keeps what became of an attempt. Faults: those of the bus.
func (s *Store) Log(ctx context.Context, tenant string, d api.Delivery) error {
	data, err := json.Marshal(d)
	if err != nil {
		return fault.New(fault.InternalBug, "encode a delivery", err)
	}
	return s.Bus.Publish(ctx, bus.Out{
		Subject: events.DeliverySubject(tenant, d.Webhook, d.Job), ID: d.Message + "/" + rand.Text(), Data: data,
	})
}

// Delivery reads an attempt. Faults: webhook.delivery_not_found, those of the bus.
func (s *Store) Delivery(ctx context.Context, tenant, id string) (api.Delivery, error) {
	digits, ok := strings.CutPrefix(id, deliveryPrefix)
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || n == 0 {
		return api.Delivery{}, noDelivery(id)
	}
	m, err := s.Bus.Get(ctx, events.StreamDeliveries, n)
	if fault.Has(err, fault.BusNotFound) {
		return api.Delivery{}, noDelivery(id)
	}
	if err != nil {
		return api.Delivery{}, err
	}
	tokens, ok := events.Tokens(m.Subject, "delivery", 3)
	if !ok || tokens[0] != tenant {
		return api.Delivery{}, noDelivery(id)
	}
	return decodeDelivery(m)
}

const deliveryPrefix = "d"

func noDelivery(id string) error {
	return fault.New(fault.WebhookDeliveryNotFound, fault.Clip(id, 100), nil)
}

func decodeDelivery(m *bus.Message) (api.Delivery, error) {
	var d api.Delivery
	if err := json.Unmarshal(m.Data, &d); err != nil {
		return d, fault.New(fault.InternalBug, "decode a delivery", err)
	}
	d.ID = deliveryPrefix + strconv.FormatUint(m.Sequence, 10)
	return d, nil
}

// Deliveries returns a page of a tenant's attempts, newest first. A page can hold fewer
// than its limit and still have a next one. Faults: http.bad_request for a cursor that
// is none, those of the bus.
func (s *Store) Deliveries(ctx context.Context, tenant string, q api.DeliveryQuery) (api.DeliveryPage, error) {
	page := api.DeliveryPage{Deliveries: []api.Delivery{}}
	before, err := api.ParseCursor(q.Cursor)
	if err != nil {
		return page, err
	}
	if q.Limit <= 0 {
		q.Limit = api.DefaultLimit
	}
	page.NextCursor, err = s.older(ctx, tenant, q, before, func(d api.Delivery) bool {
		if len(page.Deliveries) == q.Limit {
			return false
		}
		page.Deliveries = append(page.Deliveries, d)
		return true
	})
	return page, err
}

// older hands on the attempts of a query before a sequence, and returns the cursor of
// what was left.
func (s *Store) older(
	ctx context.Context, tenant string, q api.DeliveryQuery, before uint64, take func(api.Delivery) bool,
) (string, error) {
	rest, err := s.Bus.Backward(ctx, bus.Backward{
		Stream: events.StreamDeliveries, Before: before,
		Filter: events.DeliverySubject(tenant, or(q.Webhook, "*"), or(q.Job, "*")),
	}, func(m *bus.Message) bool {
		d, err := decodeDelivery(m)
		return err != nil || q.Outcome != "" && d.Outcome != q.Outcome || take(d)
	})
	if err != nil || rest == 0 {
		return "", err
	}
	return api.Cursor(rest), nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
