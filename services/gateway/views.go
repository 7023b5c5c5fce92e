package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// viewRoutes lists the routes about the list of jobs.
func (g *Gateway) viewRoutes() []route {
	return []route{
		at("GET", "/v1/stats", g.getCounts,
			"Count jobs by state, pipeline and fault, of all pipelines or of ?pipeline=."),
		at("GET", "/v1/stats/failures", g.getFailures,
			"Read what failed in a span of time, by fault, and which jobs have it now."),
		at("GET", "/v1/stats/recovery", g.getRecovery,
			"Read how long jobs were in trouble, by the hour or the day."),
		at("GET", "/v1/stats/throughput", g.getThroughput,
			"Read how many jobs came, ended and failed, by the hour or the day."),
		at("GET", "/v1/view", g.getView, "Read what the list of jobs is kept in, and how far it is behind."),
		at("POST", "/v1/view/rebuild", g.postRebuild,
			"Build the list of jobs again from the log, beside the one that serves."),
	}
}

// viewDoors says who may use them. What the list is kept in serves all tenants.
func viewDoors() map[string]access {
	read := needs(identity.Read)
	return map[string]access{
		"GET /v1/stats":            read,
		"GET /v1/stats/failures":   read,
		"GET /v1/stats/recovery":   read,
		"GET /v1/stats/throughput": read,
		"GET /v1/view":             read.ofMill(),
		"POST /v1/view/rebuild":    needs(identity.Admin).ofMill(),
	}
}

// views returns what answers about the list of jobs.
func (g *Gateway) views() (Views, error) {
	if g.Views == nil {
		return nil, fault.New(fault.HTTPNotReady, "this process has no list of jobs", nil)
	}
	return g.Views, nil
}

// statsQuery reads the query of a request about numbers.
func (x *exchange) statsQuery() (api.StatsQuery, error) {
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return api.StatsQuery{}, badRequest("the query is malformed")
	}
	return api.ParseStatsQuery(values)
}

// getCounts answers with how many jobs there are now.
func (g *Gateway) getCounts(x *exchange) error {
	v, err := g.views()
	if err != nil {
		return err
	}
	q, err := x.statsQuery()
	if err != nil {
		return err
	}
	if !q.Since.IsZero() || !q.Until.IsZero() || q.By != "" {
		return badRequest("what there is now takes pipeline only; " +
			"/v1/stats/throughput takes since, until and by")
	}
	counts, err := v.Counts(x.r.Context(), x.tenant, q.Pipeline)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, counts)
}

// getFailures answers with what failed, by fault.
func (g *Gateway) getFailures(x *exchange) error {
	return stats(g, x, Views.Failures)
}

// getRecovery answers with how long jobs were in trouble.
func (g *Gateway) getRecovery(x *exchange) error {
	return stats(g, x, Views.Recovery)
}

// getThroughput answers with how many jobs came, ended and failed.
func (g *Gateway) getThroughput(x *exchange) error {
	return stats(g, x, Views.Throughput)
}

// stats answers with numbers of a span of time.
func stats[T any](
	g *Gateway, x *exchange, ask func(Views, context.Context, string, api.StatsQuery) (T, error),
) error {
	v, err := g.views()
	if err != nil {
		return err
	}
	q, err := x.statsQuery()
	if err != nil {
		return err
	}
	answer, err := ask(v, x.r.Context(), x.tenant, q)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, answer)
}

// getView answers with what the list is kept in.
func (g *Gateway) getView(x *exchange) error {
	v, err := g.views()
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, v.View())
}

// postRebuild begins to build the list again.
func (g *Gateway) postRebuild(x *exchange) error {
	v, err := g.views()
	if err != nil {
		return err
	}
	if err := x.actsFor(""); err != nil {
		return err
	}
	view, err := v.Rebuild(x.r.Context())
	if err != nil {
		return err
	}
	return x.json(http.StatusAccepted, view)
}

// viewHealth says for GET /readyz how fresh the list is. A list that is stale does not
// keep the gateway from taking work.
func (g *Gateway) viewHealth() string {
	switch v := g.Views.View(); {
	case v.Stale:
		return fmt.Sprintf("stale, %d records behind: %s", v.Lag, v.Problem)
	case v.Lag > 0:
		return fmt.Sprintf("%d records and %.1f s behind", v.Lag, v.LagSeconds)
	}
	return "ok"
}
