package telemetry

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Most values that labels which people choose may have.
const (
	mostPipelines    = 100
	mostDependencies = 100
)

// maxScrapes is how many scrapes are answered at once.
const maxScrapes = 4

// Metrics are what one process measures of itself. It is safe for concurrent use.
type Metrics struct {
	Conductor *Conductor
	Stages    *Stages
	HTTP      *HTTP
	Webhooks  *Webhooks

	registry *prometheus.Registry
	sights   *sights
}

// Build says what a program was built from.
type Build struct{ Version, Revision string }

// New returns metrics that have counted nothing.
func New(b Build) *Metrics {
	r := prometheus.NewRegistry()
	pipelines := newBound(mostPipelines)
	m := &Metrics{
		Conductor: newConductor(r, pipelines), Stages: newStages(r), HTTP: newHTTP(r), Webhooks: newWebhooks(r),
		registry: r, sights: newSights(pipelines),
	}
	r.MustRegister(
		m.sights, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.sights.build = prometheus.MustNewConstMetric(buildInfo.desc(), prometheus.GaugeValue, 1,
		b.Version, b.Revision, runtime.Version())
	return m
}

// Handler answers a scrape in the text format of Prometheus. What could not be looked at
// is left out, and millrace_look_failed says so.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes,
	})
}
