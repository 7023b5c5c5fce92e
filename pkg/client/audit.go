package client

import (
	"context"
	"iter"
	"net/url"

	"github.com/millrace/millrace/pkg/api"
)

// reasonKey is where the reason of what is asked for is in a context.
type reasonKey struct{}

// WithReason says why, for the audit, of what is asked for with the context it returns:
// webhooks, keys, pipelines and views, whose calls take no reason themselves. At most
// 1 KiB. Others do not look at it.
func WithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey{}, reason)
}

// because is the query with the reason of a context; nil if there is none.
func because(ctx context.Context) url.Values {
	if reason, _ := ctx.Value(reasonKey{}).(string); reason != "" {
		return url.Values{"reason": {reason}}
	}
	return nil
}

// Audit returns a page of who decided and changed what, and why, newest first. Faults:
// http.bad_request and those of auth, http and client.
func (c *Client) Audit(ctx context.Context, q api.AuditQuery) (*api.AuditPage, error) {
	return read[api.AuditPage](ctx, c, "/v1/audit", q.Values())
}

// AllAudit returns the entries of all pages from that of the query on, asked for as they
// are needed. It ends after the first error. Faults: as of [Client.Audit].
func (c *Client) AllAudit(ctx context.Context, q api.AuditQuery) iter.Seq2[api.AuditEntry, error] {
	return pages(q.Cursor, func(cursor string) ([]api.AuditEntry, string, error) {
		q.Cursor = cursor
		page, err := c.Audit(ctx, q)
		if err != nil {
			return nil, "", err
		}
		return page.Entries, page.NextCursor, nil
	})
}
