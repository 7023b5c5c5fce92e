package telemetry

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	httpRequests = Family{
		Name: "millrace_http_requests_total", Kind: Counter, Labels: []string{"route", "method", "status"},
		Help: "Requests that have ended, by the pattern of the route; none is what reached no route, and status 0 what was not answered.",
	}
	httpDuration = Family{
		Name: "millrace_http_request_duration_seconds", Kind: Histogram, Labels: []string{"route", "method"}, buckets: quick,
		Help: "Time until the answer began; that includes what the client took to send its body, and what it asked to wait.",
	}
	httpReceived = Family{
		Name: "millrace_http_received_bytes_total", Kind: Counter,
		Help: "Bytes of the bodies of requests that have ended.",
	}
	httpSent = Family{
		Name: "millrace_http_sent_bytes_total", Kind: Counter,
		Help: "Bytes of the bodies of answers to requests that have ended.",
	}
)

func httpFamilies() []Family { return []Family{httpRequests, httpDuration, httpReceived, httpSent} }

// HTTP counts requests. Nil counts nothing. It is safe for concurrent use.
type HTTP struct {
	requests       *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	received, sent prometheus.Counter
}

func newHTTP(r *prometheus.Registry) *HTTP {
	return &HTTP{
		requests: httpRequests.counter(r), duration: httpDuration.histogram(r),
		received: httpReceived.counter(r).WithLabelValues(), sent: httpSent.counter(r).WithLabelValues(),
	}
}

// Request is one that has ended.
type Request struct {
	// Route is the pattern of its path. Empty means that it reached none.
	Route, Method string
	// Status is zero when it was not answered.
	Status int
	// Took is how long it was until the answer began.
	Took time.Duration
	// Received and Sent are bytes of bodies.
	Received, Sent int64
}

// methods are those that have a label of their own.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
	http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Ended counts a request.
func (h *HTTP) Ended(r Request) {
	if h == nil {
		return
	}
	if !slices.Contains(methods, r.Method) {
		r.Method = other
	}
	if r.Route == "" {
		r.Route = "none"
	}
	h.requests.WithLabelValues(r.Route, r.Method, strconv.Itoa(r.Status)).Inc()
	h.duration.WithLabelValues(r.Route, r.Method).Observe(r.Took.Seconds())
	h.received.Add(float64(r.Received))
	h.sent.Add(float64(r.Sent))
}
