package client

import (
	"context"

	"github.com/millrace/millrace/pkg/api"
)

// Consumers returns what waits for the stages and for the conductor, by name. Faults:
// those of http and client.
func (c *Client) Consumers(ctx context.Context) ([]api.Consumer, error) {
	var list api.ConsumerList
	if err := c.get(ctx, "/v1/consumers", nil, &list); err != nil {
		return nil, err
	}
	return list.Consumers, nil
}
