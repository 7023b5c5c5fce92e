package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// CreateKey makes an API key. The answer is the only place that ever shows it, so the
// call is not repeated. Faults: key.invalid, key.too_wide, key.too_many, those of auth,
// http and client.
func (c *Client) CreateKey(ctx context.Context, r api.KeyRequest) (*api.KeyMade, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fault.New(fault.KeyInvalid, "encode the request", err)
	}
	var made api.KeyMade
	err = c.json(ctx, call{
		method: http.MethodPost, path: "/v1/keys", query: because(ctx), body: body, header: jsonHeader(), once: true,
	}, &made)
	if err != nil {
		return nil, err
	}
	return &made, nil
}

// Keys returns the API keys, those made first first. Faults: those of auth, http and
// client.
func (c *Client) Keys(ctx context.Context) ([]api.Key, error) {
	var list api.KeyList
	if err := c.get(ctx, "/v1/keys", nil, &list); err != nil {
		return nil, err
	}
	return list.Keys, nil
}

// RevokeKey ends an API key at once. It may be repeated. Faults: key.not_found, those
// of auth, http and client.
func (c *Client) RevokeKey(ctx context.Context, id, reason string) (*api.Key, error) {
	var k api.Key
	err := c.json(ctx, call{
		method: http.MethodDelete, path: "/v1/keys/" + url.PathEscape(id), query: url.Values{"reason": {reason}},
	}, &k)
	if err != nil {
		return nil, err
	}
	return &k, nil
}

// Whoami returns who the server takes the client for. Faults: those of auth, http and
// client.
func (c *Client) Whoami(ctx context.Context) (*api.Principal, error) {
	var p api.Principal
	if err := c.get(ctx, "/v1/whoami", nil, &p); err != nil {
		return nil, err
	}
	return &p, nil
}
