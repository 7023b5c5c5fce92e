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

// Decisions returns one page of the open decisions that q asks for. Faults:
// http.bad_request, those of http and client.
func (c *Client) Decisions(ctx context.Context, q api.DecisionQuery) (*api.DecisionPage, error) {
	var page api.DecisionPage
	if err := c.get(ctx, "/v1/decisions", q.Values(), &page); err != nil {
		return nil, err
	}
	return &page, nil
}

// AllDecisions returns all decisions that q asks for, page by page as they are
// needed. It ends after the first error.
func (c *Client) AllDecisions(ctx context.Context, q api.DecisionQuery) iter.Seq2[api.Decision, error] {
	return pages(q.Cursor, func(cursor string) ([]api.Decision, string, error) {
		q.Cursor = cursor
		p, err := c.Decisions(ctx, q)
		if err != nil {
			return nil, "", err
		}
		return p.Decisions, p.NextCursor, nil
	})
}

// Decision returns a decision, open or made. Faults: decision.not_found, those of
// http and client.
func (c *Client) Decision(ctx context.Context, id string) (*api.Decision, error) {
	var d api.Decision
	if err := c.get(ctx, decisionPath(id), nil, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// Decide makes a decision that was looked at in a version of it. It returns the
// decision when that has taken effect, or as it is when that takes long. Faults:
// decision.not_found; decision.made, which says who made it, what and when;
// decision.stale when it is at another version; decision.bad_choice, which says what
// can be chosen; job.not_allowed; those of http and client. It is not asked a second
// time when the answer is lost: read the decision then.
func (c *Client) Decide(ctx context.Context, id, version string, a api.DecisionAnswer) (*api.Decision, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return nil, fault.New(fault.HTTPBadRequest, "encode the answer", err)
	}
	h := jsonHeader()
	h.Set("If-Match", `"`+version+`"`)
	var d api.Decision
	err = c.json(ctx, call{method: http.MethodPost, path: decisionPath(id), body: body, header: h, once: true}, &d)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

func decisionPath(id string) string { return "/v1/decisions/" + url.PathEscape(id) }
