package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/millrace/millrace/pkg/api"
)

// Counts returns how many jobs there are now, by state, pipeline and fault; of one
// pipeline if it is named. Faults: those of http, view and client.
func (c *Client) Counts(ctx context.Context, pipeline string) (*api.Counts, error) {
	return read[api.Counts](ctx, c, "/v1/stats", api.StatsQuery{Pipeline: pipeline}.Values())
}

// Failures returns what failed in a span of time, by fault, and which jobs have it
// now. Faults: as of Counts.
func (c *Client) Failures(ctx context.Context, q api.StatsQuery) (*api.Failures, error) {
	return read[api.Failures](ctx, c, "/v1/stats/failures", q.Values())
}

// Recovery returns how long jobs were in trouble. Faults: as of Counts.
func (c *Client) Recovery(ctx context.Context, q api.StatsQuery) (*api.Recoveries, error) {
	return read[api.Recoveries](ctx, c, "/v1/stats/recovery", q.Values())
}

// Throughput returns how many jobs came, ended and failed. Faults: as of Counts.
func (c *Client) Throughput(ctx context.Context, q api.StatsQuery) (*api.Throughput, error) {
	return read[api.Throughput](ctx, c, "/v1/stats/throughput", q.Values())
}

// View returns what the list of jobs is kept in, and how far it is behind. Faults:
// those of http and client.
func (c *Client) View(ctx context.Context) (*api.View, error) {
	return read[api.View](ctx, c, "/v1/view", nil)
}

// RebuildView begins to build the list of jobs again from the log, beside the one that
// serves. Asking again while that goes on changes nothing. Faults: as of Counts.
func (c *Client) RebuildView(ctx context.Context) (*api.View, error) {
	var v api.View
	if err := c.json(ctx, call{method: http.MethodPost, path: "/v1/view/rebuild", query: because(ctx)}, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// read asks for something that is read.
func read[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	var v T
	if err := c.get(ctx, path, query, &v); err != nil {
		return nil, err
	}
	return &v, nil
}
