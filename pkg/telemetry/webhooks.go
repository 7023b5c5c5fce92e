package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/pkg/api"
)

var (
	deliveries = Family{
		Name: "millrace_webhook_deliveries_total", Kind: Counter, Labels: []string{"outcome"},
		Help: "Attempts to send an event to an endpoint; outcome is delivered, failed or given_up.",
	}
	deliveryDuration = Family{
		Name: "millrace_webhook_delivery_duration_seconds", Kind: Histogram, buckets: quick,
		Help: "Time that endpoints took to answer, or not to.",
	}
)

func webhookFamilies() []Family { return []Family{deliveries, deliveryDuration} }

// Webhooks counts attempts to send events. Nil counts nothing. It is safe for concurrent
// use.
type Webhooks struct {
	deliveries *prometheus.CounterVec
	duration   prometheus.Observer
}

func newWebhooks(r *prometheus.Registry) *Webhooks {
	w := &Webhooks{deliveries: deliveries.counter(r), duration: deliveryDuration.histogram(r).WithLabelValues()}
	for _, o := range api.DeliveryOutcomes() {
		w.deliveries.WithLabelValues(string(o)) // from the start, so that the first one counts as an increase
	}
	return w
}

// Sent counts an attempt by what it led to.
func (w *Webhooks) Sent(outcome api.DeliveryOutcome, took time.Duration) {
	if w != nil {
		w.deliveries.WithLabelValues(string(outcome)).Inc()
		w.duration.Observe(took.Seconds())
	}
}
