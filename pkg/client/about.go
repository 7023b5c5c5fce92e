package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/millrace/millrace/pkg/api"
)

// Stages returns the stages that the server's pipelines may use. Faults: those of
// http and client.
func (c *Client) Stages(ctx context.Context) ([]api.Stage, error) {
	var list api.StageList
	if err := c.get(ctx, "/v1/stages", nil, &list); err != nil {
		return nil, err
	}
	return list.Stages, nil
}

// Stage returns one stage by its name. Faults: stage.unknown, those of http and
// client.
func (c *Client) Stage(ctx context.Context, name string) (*api.Stage, error) {
	var s api.Stage
	if err := c.get(ctx, "/v1/stages/"+url.PathEscape(name), nil, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// Version returns what the server was built from. Faults: those of http and client.
func (c *Client) Version(ctx context.Context) (*api.Version, error) {
	var v api.Version
	if err := c.get(ctx, "/version", nil, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// Ready returns nil when the server takes work right now. It asks a single time.
// Faults: http.not_ready, client.unreachable and others of http and client.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.Health(ctx)
	return err
}

// Health returns what the server's checks say when it takes work right now. It asks a
// single time. Faults: as for [Client.Ready].
func (c *Client) Health(ctx context.Context) (*api.Health, error) {
	r, err := c.attempt(ctx, call{method: http.MethodGet, path: "/readyz"})
	if err != nil {
		return nil, err
	}
	defer discard(r)
	var h api.Health
	if err := decode(r, &h); err != nil {
		return nil, err
	}
	return &h, nil
}
