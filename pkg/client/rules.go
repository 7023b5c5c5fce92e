package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Rules returns the rules of operators that are in force, by name. Faults: those of
// http and client.
func (c *Client) Rules(ctx context.Context) ([]events.Rule, error) {
	var list api.RuleList
	if err := c.get(ctx, "/v1/rules", nil, &list); err != nil {
		return nil, err
	}
	return list.Rules, nil
}

// Rule returns a rule that is in force. Faults: rule.not_found, those of http and
// client.
func (c *Client) Rule(ctx context.Context, name string) (*events.Rule, error) {
	var r events.Rule
	if err := c.get(ctx, rulePath(name), nil, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// RuleWhen says in which case a rule is changed. The zero value means always.
type RuleWhen struct {
	// New means only when no rule of that name is in force.
	New bool
	// Revision means only when that is still the rule's. Zero means whatever it is.
	Revision uint64
}

// SetRule makes a rule, or puts it in the place of the one with its name; time and
// revision are the server's to fill in. It may be repeated when it has no condition.
// Faults: rule.invalid, with every complaint in the [Problem]; rule.stale_revision
// when the case that when names is not given; rule.too_many; those of http and client.
func (c *Client) SetRule(ctx context.Context, r events.Rule, when RuleWhen) (*api.RuleSet, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fault.New(fault.RuleInvalid, "encode the rule", err)
	}
	var set api.RuleSet
	err = c.json(ctx, call{
		method: http.MethodPut, path: rulePath(r.Name), body: body,
		header: when.header(), once: when != RuleWhen{},
	}, &set)
	if err != nil {
		return nil, err
	}
	return &set, nil
}

// RemoveRule ends a rule. by is who says so, and reason why; both are kept. Faults:
// rule.not_found when none of that name is in force; rule.invalid without a reason;
// rule.stale_revision; those of http and client.
func (c *Client) RemoveRule(
	ctx context.Context, name, by, reason string, when RuleWhen,
) (*events.RuleChange, error) {
	query := url.Values{"reason": {reason}}
	if by != "" {
		query.Set("by", by)
	}
	var change events.RuleChange
	err := c.json(ctx, call{
		method: http.MethodDelete, path: rulePath(name), query: query, header: when.header(), once: true,
	}, &change)
	if err != nil {
		return nil, err
	}
	return &change, nil
}

// RuleHistory returns what was done to a rule, oldest first, also when it has been
// removed or has ended. Faults: rule.not_found when there was never one of that name,
// those of http and client.
func (c *Client) RuleHistory(ctx context.Context, name string) ([]events.RuleChange, error) {
	var h api.RuleHistory
	if err := c.get(ctx, rulePath(name)+"/history", nil, &h); err != nil {
		return nil, err
	}
	return h.Changes, nil
}

// header states the case, for HTTP.
func (w RuleWhen) header() http.Header {
	h := http.Header{"Content-Type": {events.ContentTypeJSON}}
	if w.New {
		h.Set("If-None-Match", "*")
	}
	if w.Revision != 0 {
		h.Set("If-Match", `"`+strconv.FormatUint(w.Revision, 10)+`"`)
	}
	return h
}

func rulePath(name string) string { return "/v1/rules/" + url.PathEscape(name) }
