package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// numbers is a view that remembers what it was asked.
type numbers struct {
	view     api.View
	tenant   string
	pipeline string
	asked    api.StatsQuery
	err      error
}

func (n *numbers) View() api.View { return n.view }

func (n *numbers) Rebuild(context.Context) (api.View, error) {
	v := n.view
	v.Building = &api.Building{Generation: v.Generation + 1}
	return v, n.err
}

func (n *numbers) Counts(_ context.Context, tenant, pipeline string) (api.Counts, error) {
	n.tenant, n.pipeline = tenant, pipeline
	return api.Counts{
		Jobs: 3, States: map[string]int64{"running": 3}, Pipelines: []api.PipelineCount{}, Faults: []api.FaultCount{},
	}, n.err
}

func (n *numbers) Failures(_ context.Context, tenant string, q api.StatsQuery) (api.Failures, error) {
	n.tenant, n.asked = tenant, q
	return api.Failures{Failures: []api.Failure{{Code: "fetch.stalled", Count: 4}}}, n.err
}

func (n *numbers) Recovery(_ context.Context, tenant string, q api.StatsQuery) (api.Recoveries, error) {
	n.tenant, n.asked = tenant, q
	return api.Recoveries{Spans: []api.Recovery{{Recovered: 5}}}, n.err
}

func (n *numbers) Throughput(_ context.Context, tenant string, q api.StatsQuery) (api.Throughput, error) {
	n.tenant, n.asked = tenant, q
	return api.Throughput{Spans: []api.Flow{{Accepted: 6, Finished: map[string]int64{}}}}, n.err
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	n := &numbers{view: api.View{Database: "sqlite", Generation: 2}}
	w := gatewaytest.New(t, gateway.Config{Views: n})
	get := func(path string, into any) {
		t.Helper()
		ask(t, "GET", w.URL+path, nil, "Millrace-Tenant", "other").into(t, 200, into)
		same(t, "tenant", n.tenant, "other")
	}
	var counts api.Counts
	get("/v1/stats?pipeline=keep", &counts)
	same(t, "jobs", counts.Jobs, 3)
	same(t, "pipeline", n.pipeline, "keep")

	query := "?since=2026-01-02T00:00:00Z&until=2026-01-03T00:00:00%2B01:00&by=day&pipeline=keep"
	want := api.StatsQuery{
		Since: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 1, 2, 23, 0, 0, 0, time.UTC),
		By: api.ByDay, Pipeline: "keep",
	}
	var failures api.Failures
	get("/v1/stats/failures"+query, &failures)
	same(t, "failures", failures.Failures[0].Count, 4)
	same(t, "query", n.asked, want)
	var recoveries api.Recoveries
	get("/v1/stats/recovery"+query, &recoveries)
	same(t, "recovered", recoveries.Spans[0].Recovered, 5)
	same(t, "query", n.asked, want)
	var throughput api.Throughput
	get("/v1/stats/throughput"+query, &throughput)
	same(t, "accepted", throughput.Spans[0].Accepted, 6)
	same(t, "query", n.asked, want)

	for _, q := range []string{
		"/v1/stats?by=day", "/v1/stats?since=2026-01-02T00:00:00Z", "/v1/stats/recovery?by=week",
		"/v1/stats/recovery?since=yesterday", "/v1/stats/failures?code=x", "/v1/stats/failures?by=day&by=day",
		"/v1/stats/throughput?pipeline=*", "/v1/stats/throughput?%zz",
	} {
		ask(t, "GET", w.URL+q, nil).problem(t, 400, "http.bad_request")
	}
	n.err = fault.New(fault.ViewUnavailable, "", nil)
	ask(t, "GET", w.URL+"/v1/stats", nil).problem(t, 503, "view.unavailable")
	ask(t, "POST", w.URL+"/v1/view/rebuild", nil).problem(t, 503, "view.unavailable")
}

func TestView(t *testing.T) {
	t.Parallel()
	n := &numbers{view: api.View{Database: "sqlite", Generation: 2, Newest: 9, Freshness: api.Freshness{Sequence: 7}}}
	w := gatewaytest.New(t, gateway.Config{Views: n})
	var v api.View
	ask(t, "GET", w.URL+"/v1/view", nil).into(t, 200, &v)
	same(t, "view", v, n.view)
	ask(t, "POST", w.URL+"/v1/view/rebuild", nil).into(t, 202, &v)
	same(t, "building", v.Building, &api.Building{Generation: 3})

	for _, c := range []struct {
		fresh api.Freshness
		says  string
	}{
		{api.Freshness{}, "ok"},
		{api.Freshness{Lag: 2, LagSeconds: 0.25}, "2 records and 0.2 s behind"},
		{api.Freshness{Lag: 2, Stale: true, Problem: "the disk is full"}, "stale, 2 records behind: the disk is full"},
	} {
		n.view.Freshness = c.fresh
		var h api.Health
		ask(t, "GET", w.URL+"/readyz", nil).into(t, 200, &h)
		same(t, "health", h.Checks["view"], c.says)
	}
}

func TestNoViews(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	for _, path := range []string{"/v1/stats", "/v1/stats/failures", "/v1/stats/recovery", "/v1/stats/throughput", "/v1/view"} {
		ask(t, "GET", w.URL+path, nil).problem(t, 503, "http.not_ready")
	}
	ask(t, "POST", w.URL+"/v1/view/rebuild", nil).problem(t, 503, "http.not_ready")
}
