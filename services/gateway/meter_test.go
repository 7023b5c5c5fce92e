package gateway_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/telemetry"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// TestMeter counts requests by the pattern of their route, whatever the paths are, and
// what reaches no route under one name.
func TestMeter(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Build{})
	w := gatewaytest.New(t, gateway.Config{Meter: m.HTTP, Metrics: m.Handler()})
	for _, path := range []string{"/v1/jobs/a", "/v1/jobs/b"} {
		ask(t, "GET", w.URL+path, nil).problem(t, 404, "job.not_found")
	}
	ask(t, "GET", w.URL+"/v1/nowhere/at/all", nil).problem(t, 404, "http.not_found")
	ask(t, "GET", w.URL+"/livez", nil, "Host", "mill.example.com").problem(t, 421, "http.bad_host")
	ask(t, "BREW", w.URL+"/livez", nil).problem(t, 405, "http.method_not_allowed")
	ask(t, "OPTIONS", w.URL+"/v1/uploads", nil)
	same(t, "page", ask(t, "GET", w.URL+"/", nil).StatusCode, 200)
	ask(t, "POST", w.URL+"/v1/artifacts", strings.NewReader("seven..")).into(t, 201, new(any))

	a := ask(t, "GET", w.URL+"/metrics", nil)
	same(t, "status", a.StatusCode, 200)
	for _, line := range []string{
		`millrace_http_requests_total{method="GET",route="/v1/jobs/{id}",status="404"} 2`,
		`millrace_http_requests_total{method="GET",route="none",status="404"} 1`,
		`millrace_http_requests_total{method="GET",route="none",status="421"} 1`,
		`millrace_http_requests_total{method="other",route="/livez",status="405"} 1`,
		`millrace_http_requests_total{method="OPTIONS",route="/v1/uploads",status="200"} 1`,
		`millrace_http_requests_total{method="GET",route="/",status="200"} 1`,
		`millrace_http_requests_total{method="POST",route="/v1/artifacts",status="201"} 1`,
		`millrace_http_request_duration_seconds_count{method="GET",route="/v1/jobs/{id}"} 2`,
		`millrace_http_received_bytes_total 7`,
	} {
		if !strings.Contains(string(a.body), "\n"+line+"\n") {
			t.Errorf("there is no line %s", line)
		}
	}
	if t.Failed() {
		t.Logf("%s", a.body)
	}
}

// TestNoMetrics refuses a scrape where nothing is measured.
func TestNoMetrics(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	ask(t, "GET", w.URL+"/metrics", nil).problem(t, 503, "http.not_ready")
}
