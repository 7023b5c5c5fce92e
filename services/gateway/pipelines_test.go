package gateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/registry"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

func TestPipelines(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	put := func(name, src string) answer {
		t.Helper()
		return ask(t, "PUT", w.URL+"/v1/pipelines/"+name, strings.NewReader(src), "Content-Type", "application/yaml")
	}
	second := strings.Replace(gatewaytest.Pipeline, "Keep a file.", "Keep it well.", 1)

	var again, changed api.Applied
	put("keep", gatewaytest.Pipeline).into(t, 200, &again)
	same(t, "nothing changed", again.Created, false)
	a := put("keep", second)
	a.into(t, 201, &changed)
	same(t, "changed", changed.Created, true)
	same(t, "etag", a.Header.Get("ETag"), `"`+changed.Digest+`"`)
	other := strings.Replace(second, "name: keep", "name: another", 1)
	put("another", other).into(t, 201, new(api.Applied))

	var p api.Pipeline
	ask(t, "GET", w.URL+"/v1/pipelines/keep", nil).into(t, 200, &p)
	same(t, "current", []string{p.Digest, p.Description, p.Source}, []string{changed.Digest, "Keep it well.", second})
	same(t, "steps", p.Steps, []api.PipelineStep{{ID: "keep", Stage: "noop@1", Critical: true, MaxAttempts: 5}})
	ask(t, "GET", w.URL+"/v1/pipelines/keep?digest="+again.Digest, nil).into(t, 200, &p)
	same(t, "older", p.Description, "Keep a file.")
	a = ask(t, "GET", w.URL+"/v1/pipelines/keep", nil, "Accept", "application/yaml")
	same(t, "source", string(a.body), second)

	var list api.PipelineList
	ask(t, "GET", w.URL+"/v1/pipelines", nil).into(t, 200, &list)
	var names []string
	for _, e := range list.Pipelines {
		names = append(names, e.Name+" "+e.Description)
	}
	same(t, "list", names, []string{"another Keep it well.", "keep Keep it well."})
	var versions api.PipelineVersions
	ask(t, "GET", w.URL+"/v1/pipelines/keep/versions", nil).into(t, 200, &versions)
	same(t, "versions", len(versions.Versions), 2)
	same(t, "the first", versions.Versions[0].Digest, again.Digest)

	ask(t, "GET", w.URL+"/v1/pipelines/nope", nil).problem(t, 404, "pipeline.not_found")
	ask(t, "GET", w.URL+"/v1/pipelines/a.b", nil).problem(t, 404, "pipeline.not_found")
	ask(t, "GET", w.URL+"/v1/pipelines/nope/versions", nil).problem(t, 404, "pipeline.not_found")
	ask(t, "GET", w.URL+"/v1/pipelines/keep?digest=sha256:"+strings.Repeat("0", 64), nil).problem(t, 404, "pipeline.not_found")
	ask(t, "GET", w.URL+"/v1/pipelines/keep?digest=x", nil).problem(t, 404, "pipeline.not_found")
	ask(t, "GET", w.URL+"/v1/pipelines/another?digest="+again.Digest, nil).problem(t, 404, "pipeline.not_found")
	ask(t, "GET", w.URL+"/v1/pipelines/keep", nil, "Millrace-Tenant", "other").problem(t, 404, "pipeline.not_found")
	list = api.PipelineList{}
	ask(t, "GET", w.URL+"/v1/pipelines", nil, "Millrace-Tenant", "other").into(t, 200, &list)
	same(t, "another tenant's", len(list.Pipelines), 0)
}

func TestBadPipelines(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	bad := strings.Replace(gatewaytest.Pipeline, "uses: noop@1", "uses: nop@1", 1)
	a := ask(t, "PUT", w.URL+"/v1/pipelines/keep", strings.NewReader(bad))
	p := a.problem(t, 422, "pipeline.invalid")
	if len(p.Errors) == 0 || !strings.HasPrefix(p.Errors[0].Code, "MR") || p.Errors[0].Pointer == "" {
		t.Errorf("errors %+v", p.Errors)
	}
	a = ask(t, "PUT", w.URL+"/v1/pipelines/other", strings.NewReader(gatewaytest.Pipeline))
	p = a.problem(t, 422, "pipeline.invalid")
	if !strings.Contains(p.Detail, "keep") {
		t.Errorf("detail %q", p.Detail)
	}
	for _, src := range []string{"", "\x00", "a: [", strings.Repeat("x", 300<<10)} {
		a = ask(t, "PUT", w.URL+"/v1/pipelines/keep", strings.NewReader(src))
		a.problem(t, 422, "pipeline.invalid")
	}
	a = ask(t, "PUT", w.URL+"/v1/pipelines/keep", reader(bytesOf(registry.MaxSource+1)))
	a.problem(t, 413, "http.too_large")
	a = ask(t, "PUT", w.URL+"/v1/pipelines/keep", strings.NewReader("x"), "Content-Type", "multipart/form-data; boundary=x")
	a.problem(t, 415, "http.unsupported_media_type")

	var c api.Checked
	ask(t, "POST", w.URL+"/v1/pipelines:check?file=my.yaml", strings.NewReader(bad)).into(t, 200, &c)
	if c.Valid || c.Name != "" || len(c.Diagnostics) == 0 || c.Diagnostics[0].File != "my.yaml" || c.Diagnostics[0].Line == 0 {
		t.Errorf("checked %+v", c)
	}
	c = api.Checked{}
	ask(t, "POST", w.URL+"/v1/pipelines:check", strings.NewReader(gatewaytest.Pipeline)).into(t, 200, &c)
	same(t, "valid", []any{c.Valid, c.Name, len(c.Diagnostics)}, []any{true, "keep", 0})
}

// brokenPipelines fails in ways that the registry does when the broker is away.
type brokenPipelines struct {
	gateway.Pipelines
	err error
}

func (b brokenPipelines) List(context.Context, string) ([]registry.Entry, error) { return nil, b.err }

func TestErrorsKeepTheirCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{fault.New(fault.BusTimeout, "get key", nil), 504, "bus.timeout"},
		{errors.Join(errors.New("x"), fault.New(fault.PipelineConflict, "", nil)), 409, "pipeline.conflict"},
		{context.DeadlineExceeded, 504, "bus.timeout"},
		{errors.New("unheard of"), 500, "stage.unclassified"},
	} {
		w := gatewaytest.New(t, gateway.Config{Pipelines: brokenPipelines{err: c.err}})
		ask(t, "GET", w.URL+"/v1/pipelines", nil).problem(t, c.status, c.code)
	}
}
