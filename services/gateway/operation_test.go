package gateway_test

import (
	"context"
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// operations stands in for an operator: it knows one operation.
type operations struct {
	got api.OperationRequest
	key string
}

// operationAt is an operation at revision 3.
func operationAt(id string) api.Operation {
	op := api.Operation{ID: id, Revision: 3, State: api.OperationRunning}
	op.Verb = api.OperationRetry
	return op
}

func (o *operations) Start(_ context.Context, _ string, r api.OperationRequest, by, key string) (api.Operation, bool, error) {
	again := key != "" && key == o.key
	o.got, o.key = r, key
	op := operationAt("one")
	op.By = by
	return op, again, nil
}

func (o *operations) Get(_ context.Context, tenant, id string) (api.Operation, error) {
	if tenant != "default" || id != "one" {
		return api.Operation{}, fault.New(fault.OperationNotFound, "", nil)
	}
	return operationAt(id), nil
}

func (o *operations) List(context.Context, string) (api.OperationList, error) {
	return api.OperationList{Operations: []api.Operation{operationAt("one")}}, nil
}

func (o *operations) Items(_ context.Context, _, _ string, q api.ItemQuery) (api.OperationItems, error) {
	return api.OperationItems{Items: []api.OperationItem{{ID: "j", State: q.State}}, NextCursor: "next"}, nil
}

func (o *operations) Stop(_ context.Context, _, id, reason, by string) (api.Operation, error) {
	op := operationAt(id)
	op.Why = by + ": " + reason
	return op, nil
}

func (o *operations) Resume(_ context.Context, _, id, _ string) (api.Operation, error) {
	return operationAt(id), nil
}

func TestOperationsOverHTTP(t *testing.T) {
	t.Parallel()
	ops := &operations{}
	w := gatewaytest.New(t, gateway.Config{Operations: ops})
	u := w.URL + "/v1/operations"
	post := func(path, body string, headers ...string) answer {
		return ask(t, "POST", u+path, strings.NewReader(body),
			append([]string{"Content-Type", "application/json"}, headers...)...)
	}
	var op api.Operation
	a := post("", `{"verb":"retry","reason":"why","filter":{"state":["attention"],"since":"2026-01-02T03:04:05Z"},"rate":2.5}`,
		"Idempotency-Key", "k")
	a.into(t, 202, &op)
	same(t, "location", a.Header.Get("Location"), "/v1/operations/one")
	same(t, "etag", a.Header.Get("ETag"), `"3"`)
	if ops.got.Rate != 2.5 || ops.got.Filter.Since.Year() != 2026 || len(ops.got.Filter.States) != 1 {
		t.Errorf("%+v", ops.got)
	}
	a = post("", `{"verb":"retry","reason":"why","filter":{"state":["attention"]}}`, "Idempotency-Key", "k")
	a.into(t, 200, &op)
	same(t, "replayed", a.Header.Get("Idempotency-Replayed"), "true")

	// What is misspelt must not widen a filter.
	for _, body := range []string{
		`{"verb":"retry","filter":{"states":["attention"]}}`, `{"verb":"retry","dryrun":true}`, `[]`, ``,
		`{"verb":"retry","verb":"cancel"}`, `{"filter":{"since":"yesterday"}}`,
	} {
		post("", body).problem(t, 400, "http.bad_request")
	}
	ask(t, "POST", u, strings.NewReader("verb: retry"), "Content-Type", "application/yaml").
		problem(t, 415, "http.unsupported_media_type")

	var list api.OperationList
	ask(t, "GET", u, nil).into(t, 200, &list)
	same(t, "operations", len(list.Operations), 1)
	ask(t, "GET", u+"/one", nil).into(t, 200, &op)
	ask(t, "GET", u+"/two", nil).problem(t, 404, "operation.not_found")
	var items api.OperationItems
	a = ask(t, "GET", u+"/one/items?state=refused", nil)
	a.into(t, 200, &items)
	same(t, "state", items.Items[0].State, api.ItemRefused)
	same(t, "link", a.Header.Get("Link"), `</v1/operations/one/items?cursor=next&state=refused>; rel="next"`)
	ask(t, "GET", u+"/one/items?state=gone", nil).problem(t, 400, "http.bad_request")

	post("/one/stop", `{"reason":"lunch"}`).into(t, 200, &op)
	same(t, "why", op.Why, "http: lunch")
	post("/one/stop", `{"raeson":"lunch"}`).problem(t, 400, "http.bad_request")
	post("/one/resume", "").into(t, 200, &op)

	none := gatewaytest.New(t, gateway.Config{})
	ask(t, "GET", none.URL+"/v1/operations", nil).problem(t, 503, "http.not_ready")
}
