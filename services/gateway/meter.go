package gateway

import (
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/telemetry"
)

// getMetrics answers a scrape.
func (g *Gateway) getMetrics(x *exchange) error {
	if g.Metrics == nil {
		return fault.New(fault.HTTPNotReady, "this process measures nothing", nil)
	}
	g.Metrics.ServeHTTP(x.w, x.r)
	return nil
}

// Load returns how many requests follow jobs or events or wait for one, and how many
// uploads run.
func (g *Gateway) Load() (followers, uploads int) { return len(g.followers), len(g.uploads) }

// count tells the meter of an exchange that has ended.
func (x *exchange) count() {
	r := telemetry.Request{
		Route: x.route, Method: x.r.Method, Status: x.w.status, Took: time.Since(x.started), Sent: x.w.sent,
	}
	if !x.w.began.IsZero() {
		r.Took = x.w.began.Sub(x.started)
	}
	if x.body != nil {
		r.Received = x.body.got
	}
	x.g.Meter.Ended(r)
}

// routeOf is the path of a pattern of the multiplexer. It is empty for the pattern of
// whatever has no route.
func routeOf(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	switch {
	case pattern == "/":
		return ""
	case pattern == "/{$}":
		return "/"
	}
	return strings.TrimSuffix(pattern, "{$}")
}
