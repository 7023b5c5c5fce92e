package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// DeadLetters returns one page of dead letters, newest first. Faults:
// http.bad_request and those of http and client.
func (c *Client) DeadLetters(
	ctx context.Context, q api.DeadLetterQuery,
) (*api.DeadLetterPage, error) {
	var p api.DeadLetterPage
	if err := c.get(ctx, "/v1/deadletters", q.Values(), &p); err != nil {
		return nil, err
	}
	return &p, nil
}

// DeadLetter returns a dead letter with its headers and its payload. Faults:
// deadletter.not_found, those of http and client.
func (c *Client) DeadLetter(ctx context.Context, id string) (*api.DeadLetter, error) {
	var l api.DeadLetter
	if err := c.get(ctx, deadLetterPath(id), nil, &l); err != nil {
		return nil, err
	}
	return &l, nil
}

// Redriving says how to redrive a dead letter.
type Redriving struct {
	// Data is the payload to publish in place of the letter's, a JSON object.
	// Empty means the letter's own.
	Data []byte
	// Reason is kept with the letter; at most 1 KiB.
	Reason string
	// Key makes the request one, however often it is made. Empty means one made
	// for the call.
	Key string
	// Revision, when there is one, is that of the letter that was looked at.
	Revision *uint64
}

// Redrive publishes the message of a dead letter again. It may be repeated with the
// same key. Faults: deadletter.not_found, deadletter.settled,
// deadletter.stale_revision, deadletter.cut, deadletter.no_door, deadletter.invalid
// with every complaint in the [Problem], deadletter.key_changed, those of http and
// client.
func (c *Client) Redrive(ctx context.Context, id string, r Redriving) (*api.DeadLetter, error) {
	if len(r.Data) > 0 && !json.Valid(r.Data) {
		return nil, fault.New(fault.DeadletterInvalid, "the payload is not JSON", nil)
	}
	body, err := json.Marshal(api.Redrive{Data: r.Data, Reason: r.Reason})
	if err != nil {
		return nil, fault.New(fault.HTTPBadRequest, "encode the redrive", err)
	}
	if r.Key == "" {
		r.Key = newKey()
	}
	h := jsonHeader()
	h.Set(api.HeaderIdempotencyKey, api.QuoteKey(r.Key))
	return c.onDeadLetter(ctx, call{
		method: http.MethodPost, path: deadLetterPath(id) + "/redrive", body: body, header: h,
	}, r.Revision)
}

// DropDeadLetter says that nothing is to be done about a dead letter, and why. It may
// be repeated. Faults: deadletter.not_found, deadletter.no_reason,
// deadletter.settled, those of http and client.
func (c *Client) DropDeadLetter(ctx context.Context, id, reason string) (*api.DeadLetter, error) {
	return c.onDeadLetter(ctx, call{
		method: http.MethodDelete, path: deadLetterPath(id), query: url.Values{"reason": {reason}},
		header: http.Header{},
	}, nil)
}

func (c *Client) onDeadLetter(
	ctx context.Context, k call, revision *uint64,
) (*api.DeadLetter, error) {
	if revision != nil {
		k.header.Set("If-Match", etag(*revision))
	}
	var l api.DeadLetter
	if err := c.json(ctx, k, &l); err != nil {
		return nil, err
	}
	return &l, nil
}

func deadLetterPath(id string) string { return "/v1/deadletters/" + url.PathEscape(id) }
