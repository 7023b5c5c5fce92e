package endpoints

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// Bounds of one page of deliveries.
const (
	// window is how far back is read at once at first. Where there are few
	// deliveries that fit, each further step goes growth times as far.
	window = 256
	growth = 4
	// maxSteps is how many steps one page goes back.
	maxSteps = 8
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
	filter := events.DeliverySubject(tenant, or(q.Webhook, "*"), or(q.Job, "*"))
	newest, err := s.Bus.Last(ctx, events.StreamDeliveries, filter)
	if fault.Has(err, fault.BusNotFound) {
		return page, nil
	}
	if err != nil {
		return page, err
	}
	high, span := min(before, newest.Sequence+1), uint64(window)
	for step := 0; high > 1; step++ {
		if step == maxSteps {
			page.NextCursor = api.Cursor(high)
			return page, nil
		}
		low := high - min(span, high-1)
		list, err := s.between(ctx, filter, low, high)
		if err != nil {
			return page, err
		}
		for _, m := range slices.Backward(list) {
			d, err := decodeDelivery(m)
			if err != nil || q.Outcome != "" && d.Outcome != q.Outcome {
				continue
			}
			if len(page.Deliveries) == q.Limit {
				page.NextCursor = api.Cursor(m.Sequence + 1)
				return page, nil
			}
			page.Deliveries = append(page.Deliveries, d)
		}
		high = low
		if len(list) < window/growth {
			span *= growth
		}
	}
	return page, nil
}

// between reads the messages from low to below high, oldest first.
func (s *Store) between(ctx context.Context, filter string, low, high uint64) (list []*bus.Message, err error) {
	err = s.Bus.Scan(ctx, bus.Scan{
		Stream: events.StreamDeliveries, Filters: []string{filter}, From: low,
	}, func(m *bus.Message) error {
		if m.Sequence >= high {
			return errEnough
		}
		list = append(list, m)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

var errEnough = errors.New("that is all that was asked for")

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
