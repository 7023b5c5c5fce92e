package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// StartOperation asks for a bulk operation on what its filter matches now. With the
// same key it is one operation, however often it is asked for; an empty key means one
// made for the call. Faults: operation.invalid with every complaint in the [Problem],
// operation.too_wide, operation.key_reused, those of http and client.
func (c *Client) StartOperation(
	ctx context.Context, r api.OperationRequest, key string,
) (*api.Operation, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fault.New(fault.HTTPBadRequest, "encode the operation", err)
	}
	if key == "" {
		key = newKey()
	}
	h := jsonHeader()
	h.Set(api.HeaderIdempotencyKey, api.QuoteKey(key))
	return c.operation(ctx, call{method: http.MethodPost, path: "/v1/operations", body: body, header: h})
}

// Operation returns an operation and how far it is. Faults: operation.not_found,
// those of http and client.
func (c *Client) Operation(ctx context.Context, id string) (*api.Operation, error) {
	return c.operation(ctx, call{method: http.MethodGet, path: operationPath(id)})
}

// Operations returns the operations of the tenant, newest first.
func (c *Client) Operations(ctx context.Context) ([]api.Operation, error) {
	var list api.OperationList
	if err := c.get(ctx, "/v1/operations", nil, &list); err != nil {
		return nil, err
	}
	return list.Operations, nil
}

// StopOperation lets an operation begin nothing more. It may be repeated. Faults:
// operation.not_found, operation.not_allowed when it is done, those of http and
// client.
func (c *Client) StopOperation(ctx context.Context, id, reason string) (*api.Operation, error) {
	body, err := json.Marshal(api.Order{Reason: reason})
	if err != nil {
		return nil, fault.New(fault.HTTPBadRequest, "encode the reason", err)
	}
	return c.operation(ctx, call{
		method: http.MethodPost, path: operationPath(id) + "/stop", body: body, header: jsonHeader(),
	})
}

// ResumeOperation lets an operation go on that was stopped. It may be repeated, and
// fails like [Client.StopOperation].
func (c *Client) ResumeOperation(ctx context.Context, id string) (*api.Operation, error) {
	return c.operation(ctx, call{method: http.MethodPost, path: operationPath(id) + "/resume"})
}

// OperationItems returns one page of what became of the items of an operation.
// Faults: operation.not_found, http.bad_request, those of http and client.
func (c *Client) OperationItems(
	ctx context.Context, id string, q api.ItemQuery,
) (*api.OperationItems, error) {
	var page api.OperationItems
	if err := c.get(ctx, operationPath(id)+"/items", q.Values(), &page); err != nil {
		return nil, err
	}
	return &page, nil
}

// AllOperationItems returns all items that q asks for, page by page as they are
// needed. It ends after the first error.
func (c *Client) AllOperationItems(
	ctx context.Context, id string, q api.ItemQuery,
) iter.Seq2[api.OperationItem, error] {
	return pages(q.Cursor, func(cursor string) ([]api.OperationItem, string, error) {
		q.Cursor = cursor
		p, err := c.OperationItems(ctx, id, q)
		if err != nil {
			return nil, "", err
		}
		return p.Items, p.NextCursor, nil
	})
}

func (c *Client) operation(ctx context.Context, k call) (*api.Operation, error) {
	var op api.Operation
	if err := c.json(ctx, k, &op); err != nil {
		return nil, err
	}
	return &op, nil
}

func operationPath(id string) string { return "/v1/operations/" + url.PathEscape(id) }
