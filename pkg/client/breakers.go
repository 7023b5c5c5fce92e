package client

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// Breakers returns what the workers have said of dependencies lately, by dependency
// and worker. Faults: those of http and client.
func (c *Client) Breakers(ctx context.Context) ([]events.Breaker, error) {
	var list api.BreakerList
	if err := c.get(ctx, "/v1/breakers", nil, &list); err != nil {
		return nil, err
	}
	return list.Breakers, nil
}
