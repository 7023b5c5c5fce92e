package gateway

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// settleTimeout bounds how long an answer waits for the audit to hear what came of it.
const settleTimeout = 2 * time.Second

// audited lets a handler say that it acts, and keeps what came of it.
func (g *Gateway) audited(d deed, mill bool, h func(*exchange) error) func(*exchange) error {
	if d.action == "" {
		return h
	}
	return func(x *exchange) error {
		x.deed = &api.AuditEntry{
			ID: newID(), Tenant: x.tenant, Mill: mill, By: x.by(""), Action: d.action,
			Target: x.r.PathValue(d.target), Request: x.id,
		}
		err := h(x)
		x.settle(err)
		return err
	}
}

// act keeps who is about to do what, and why. A handler calls it when it knows that the
// request is in order, before it changes anything; what the audit does not take is not
// done. Faults: those of the bus.
func (x *exchange) act(reason, detail string) error {
	e := x.deed
	e.Time, e.Reason, e.Detail = time.Now().UTC().Truncate(time.Millisecond), reason, fault.Clip(detail, maxReason)
	e.Outcome = api.AuditBegun
	return x.g.audit.Append(x.r.Context(), *e)
}

// settle keeps what came of it, also when the client has gone. That this fails is no
// fault of the request: the audit says then that it was begun.
func (x *exchange) settle(err error) {
	e := *x.deed
	if e.Outcome == "" {
		return // nothing was done
	}
	if e.Outcome = api.AuditDone; err != nil {
		e.Outcome, e.Code = api.AuditFailed, x.codeOf(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), settleTimeout)
	defer cancel()
	if err := x.g.audit.Append(ctx, e); err != nil {
		x.g.Log.Warn("the audit does not say what came of a request",
			"request", x.id, "action", e.Action, "target", e.Target, "outcome", e.Outcome, "error", err)
	}
}

// codeOf is the code of the problem that an error becomes.
func (x *exchange) codeOf(err error) string {
	p, _ := x.problem(err)
	return p.Code
}

// why reads the query's reason, of routes whose body has none.
func (x *exchange) why() (string, error) {
	reason := x.r.URL.Query().Get("reason")
	return reason, checkReason(reason)
}

// actsFor is act for the reason in the query.
func (x *exchange) actsFor(detail string) error {
	reason, err := x.why()
	if err != nil {
		return err
	}
	return x.act(reason, detail)
}

// getAudit answers with a page of the audit: that of the tenant, or all of it when
// whoever sees the whole mill names none.
func (g *Gateway) getAudit(x *exchange) error {
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return badRequest("the query is malformed")
	}
	q, err := api.ParseAuditQuery(values)
	if err != nil {
		return err
	}
	of := x.tenant
	if x.asked == "" && (x.principal == nil || x.principal.Tenant == identity.AnyTenant) {
		of = ""
	}
	page, err := g.audit.List(x.r.Context(), of, q)
	if err != nil {
		return err
	}
	if page.NextCursor != "" {
		q.Cursor = page.NextCursor
		x.w.Header().Add("Link", "</v1/audit?"+q.Values().Encode()+`>; rel="next"`)
	}
	return x.json(http.StatusOK, page)
}
