package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// maxOperation bounds the request for an operation in bytes: it may name many jobs.
const maxOperation = 4 << 20

// Operations carries out bulk operations. The operator provides it.
type Operations interface {
	Start(ctx context.Context, tenant string, r api.OperationRequest, by, key string) (op api.Operation, again bool, err error)
	Get(ctx context.Context, tenant, id string) (api.Operation, error)
	List(ctx context.Context, tenant string) (api.OperationList, error)
	Items(ctx context.Context, tenant, id string, q api.ItemQuery) (api.OperationItems, error)
	Stop(ctx context.Context, tenant, id, reason, by string) (api.Operation, error)
	Resume(ctx context.Context, tenant, id, by string) (api.Operation, error)
}

// operations returns who carries operations out. Fault: http.not_ready.
func (g *Gateway) operations() (Operations, error) {
	if g.Operations == nil {
		return nil, fault.New(fault.HTTPNotReady, "this process knows of no operations", nil)
	}
	return g.Operations, nil
}

// postOperation accepts a bulk operation. It answers 202, or 200 when the key had
// started it before.
func (g *Gateway) postOperation(x *exchange) error {
	ops, err := g.operations()
	if err != nil {
		return err
	}
	var r api.OperationRequest
	if err := x.operationRequest(&r); err != nil {
		return err
	}
	if err := x.mayOperate(r.Verb); err != nil {
		return err
	}
	key, err := headerKey(x.r.Header)
	if err != nil {
		return err
	}
	detail := string(r.Verb)
	if r.DryRun {
		detail += ", dry run"
	}
	if err := x.act(r.Reason, detail); err != nil {
		return err
	}
	op, again, err := ops.Start(x.r.Context(), x.tenant, r, x.by(""), key)
	if err != nil {
		return complaining(err)
	}
	x.deed.Target = op.ID
	x.w.Header().Set("Location", "/v1/operations/"+op.ID)
	if again {
		x.w.Header().Set(api.HeaderReplayed, "true")
		return x.operation(http.StatusOK, op)
	}
	return x.operation(http.StatusAccepted, op)
}

// operationRequest reads the body. A member that is not known is refused: a filter
// that is misspelt would match more than is meant.
func (x *exchange) operationRequest(r *api.OperationRequest) error {
	data, err := x.readBody(maxOperation)
	if err != nil {
		return err
	}
	if t := x.mediaType(); t != events.ContentTypeJSON {
		return fault.New(fault.HTTPUnsupportedMediaType, "send application/json", nil)
	}
	if _, err := readFields(data); err != nil {
		return badRequest("the body is not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return badRequest("the body is not an operation: " + err.Error())
	}
	return nil
}

func (g *Gateway) getOperations(x *exchange) error {
	ops, err := g.operations()
	if err != nil {
		return err
	}
	list, err := ops.List(x.r.Context(), x.tenant)
	if err != nil {
		return err
	}
	if list.Operations == nil {
		list.Operations = []api.Operation{}
	}
	return x.json(http.StatusOK, list)
}

func (g *Gateway) getOperation(x *exchange) error {
	ops, err := g.operations()
	if err != nil {
		return err
	}
	op, err := ops.Get(x.r.Context(), x.tenant, x.r.PathValue("id"))
	if err != nil {
		return err
	}
	return x.operation(http.StatusOK, op)
}

// getOperationItems answers with a page of what became of the items.
func (g *Gateway) getOperationItems(x *exchange) error {
	ops, err := g.operations()
	if err != nil {
		return err
	}
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return badRequest("the query is malformed")
	}
	q, err := api.ParseItemQuery(values)
	if err != nil {
		return err
	}
	page, err := ops.Items(x.r.Context(), x.tenant, x.r.PathValue("id"), q)
	if err != nil {
		return err
	}
	if page.Items == nil {
		page.Items = []api.OperationItem{}
	}
	if page.NextCursor != "" {
		q.Cursor = page.NextCursor
		next := "/v1/operations/" + url.PathEscape(x.r.PathValue("id")) + "/items?" + q.Values().Encode()
		x.w.Header().Add("Link", "<"+next+`>; rel="next"`)
	}
	return x.json(http.StatusOK, page)
}

// mayOperate refuses in bulk what the principal may not do one by one. Fault:
// auth.scope.
func (x *exchange) mayOperate(v api.OperationVerb) error {
	if v == api.OperationRollback {
		return x.may(identity.Rollback)
	}
	return nil
}

// postStop stops an operation, with a reason.
func (g *Gateway) postStop(x *exchange) error {
	ops, err := g.operations()
	if err != nil {
		return err
	}
	reason, err := x.reason()
	if err != nil {
		return err
	}
	if err := x.act(reason, ""); err != nil {
		return err
	}
	op, err := ops.Stop(x.r.Context(), x.tenant, x.r.PathValue("id"), reason, x.by(""))
	if err != nil {
		return err
	}
	return x.operation(http.StatusOK, op)
}

// postResume lets an operation go on.
func (g *Gateway) postResume(x *exchange) error {
	ops, err := g.operations()
	if err != nil {
		return err
	}
	reason, err := x.reason()
	if err != nil {
		return err
	}
	op, err := ops.Get(x.r.Context(), x.tenant, x.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := x.mayOperate(op.Verb); err != nil {
		return err
	}
	if err := x.act(reason, string(op.Verb)); err != nil {
		return err
	}
	op, err = ops.Resume(x.r.Context(), x.tenant, op.ID, x.by(""))
	if err != nil {
		return err
	}
	return x.operation(http.StatusOK, op)
}

// reason reads a body that may be missing and holds nothing but a reason.
func (x *exchange) reason() (string, error) {
	data, err := x.readBody(maxCommand)
	if err != nil || len(data) == 0 {
		return "", err
	}
	if t := x.mediaType(); t != events.ContentTypeJSON {
		return "", fault.New(fault.HTTPUnsupportedMediaType, "send application/json, or no body", nil)
	}
	f, err := readFields(data)
	if err != nil || slices.ContainsFunc(f.names, func(name string) bool { return name != "reason" }) {
		return "", badRequest("the body is a JSON object with a reason, or nothing")
	}
	reason, err := f.text("reason")
	if err != nil {
		return "", badRequest("reason is not a text")
	}
	return reason, checkReason(reason)
}

// operation answers with an operation.
func (x *exchange) operation(status int, op api.Operation) error {
	x.w.Header().Set("ETag", `"`+strconv.FormatUint(op.Revision, 10)+`"`)
	x.w.Header().Set("Cache-Control", "no-cache")
	return x.json(status, op)
}

// complaints is an error that lists everything that is wrong.
type complaints interface {
	error
	ProblemErrors() []events.ProblemError
}

// complaining makes a refusal that lists everything that is wrong, of an error that
// does.
func complaining(err error) error {
	var all complaints
	if !errors.As(err, &all) {
		return err
	}
	f := fault.From(err)
	return withErrors(f.Code, f.Detail, all.ProblemErrors())
}
