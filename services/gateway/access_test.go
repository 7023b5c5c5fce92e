package gateway_test

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// tokens are principals by their token.
type tokens map[string]identity.Principal

func (k tokens) Authenticate(_ context.Context, token string) (identity.Principal, error) {
	p, ok := k[token]
	if !ok {
		return p, fault.New(fault.AuthInvalid, "", nil)
	}
	return p, nil
}

func (k tokens) Stands(p identity.Principal) bool { return k[p.ID].ID == p.ID }

// principals are one of tenant a for every scope alone, one of tenant b who may do
// everything there, and two of the mill.
func principals() tokens {
	k := tokens{
		"b":    {Kind: identity.KindKey, ID: "b", Tenant: "b", Scopes: identity.All()},
		"mill": {Kind: identity.KindKey, ID: "mill", Name: "op", Tenant: identity.AnyTenant, Scopes: []identity.Scope{identity.Admin}},
		"all":  {Kind: identity.KindKey, ID: "all", Tenant: identity.AnyTenant, Scopes: identity.All()[:5]},
	}
	for _, s := range identity.All() {
		k["a-"+string(s)] = identity.Principal{Kind: identity.KindKey, ID: "a-" + string(s), Tenant: "a", Scopes: []identity.Scope{s}}
	}
	return k
}

// guarded is a world with identity and two tenants. All there is belongs to tenant a.
type guarded struct {
	*gatewaytest.World
	// names are what stands for {job} and the like in the table of routes.
	names map[string]string
	door  *door
}

// door takes tokens of the test and keys.
type door struct {
	tokens
	*identity.Keys
}

func (d *door) Authenticate(ctx context.Context, token string) (identity.Principal, error) {
	if strings.HasPrefix(token, "mr_") {
		return d.Keys.Authenticate(ctx, token)
	}
	return d.tokens.Authenticate(ctx, token)
}

func (d *door) Stands(p identity.Principal) bool { return d.tokens.Stands(p) || d.Keys.Stands(p) }

// jobsOf is a list of jobs with one job: the tenant.
type jobsOf struct{}

func (jobsOf) List(_ context.Context, tenant string, _ api.JobQuery) (api.JobPage, error) {
	return api.JobPage{Jobs: []api.JobItem{{ID: "job-of-" + tenant, State: events.JobRunning}}}, nil
}

// operationOfA is an operator who knows one operation, of tenant a.
type operationOfA struct{ operations }

func (o *operationOfA) Get(ctx context.Context, tenant, id string) (api.Operation, error) {
	if tenant == "a" {
		tenant = "default"
	}
	return o.operations.Get(ctx, tenant, id)
}

func (o *operationOfA) List(context.Context, string) (api.OperationList, error) {
	return api.OperationList{}, nil
}

func (o *operationOfA) Items(ctx context.Context, tenant, id string, _ api.ItemQuery) (page api.OperationItems, err error) {
	_, err = o.Get(ctx, tenant, id)
	return page, err
}

func (o *operationOfA) Stop(ctx context.Context, tenant, id, _, _ string) (api.Operation, error) {
	return o.Get(ctx, tenant, id)
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	return guard(t, gateway.Config{Jobs: jobsOf{}, Operations: &operationOfA{}})
}

// guard makes a guarded world of a configuration.
func guard(t *testing.T, c gateway.Config) *guarded {
	t.Helper()
	auth := &door{tokens: principals()}
	c.Auth, c.Keys = auth, auth
	w := gatewaytest.New(t, c)
	auth.Keys = noKeys(t, w)
	key, _, err := auth.Create(t.Context(), api.KeyRequest{Name: "secret-robot", Scopes: []string{"read"}}, identity.Local(), "a")
	if err != nil {
		t.Fatal(err)
	}
	payroll := strings.ReplaceAll(gatewaytest.Pipeline, "name: keep", "name: payroll")
	for _, src := range []string{gatewaytest.Pipeline, payroll} {
		if _, _, err := w.Pipelines.Apply(t.Context(), "a", []byte(src)); err != nil {
			t.Fatal(err)
		}
	}
	r := submit(t, w, oneFile, "Authorization", "Bearer a-submit")
	buryFor(t, w, "a", "rubbish")
	file := ask(t, "POST", w.URL+"/v1/artifacts", strings.NewReader("private"), "Authorization", "Bearer a-submit")
	var f events.File
	file.into(t, 201, &f)
	begun := tus(t, w, "POST", uploads, nil, "Upload-Length", "1", "Authorization", "Bearer a-submit")
	var hook api.Webhook
	ask(t, "POST", w.URL+"/v1/webhooks", strings.NewReader(`{"url":"https://example.com/private"}`),
		"Authorization", "Bearer a-admin", "Content-Type", events.ContentTypeJSON).into(t, 201, &hook)
	store := endpoints.New(endpoints.Options{Bus: w.Conn})
	if err := store.Log(t.Context(), "a", api.Delivery{
		Webhook: hook.ID, Message: "msg", Job: r.Job, Sequence: 1, Outcome: api.Delivered,
	}); err != nil {
		t.Fatal(err)
	}
	return &guarded{w, map[string]string{
		"job": r.Job, "letter": "1", "operation": "one", "pipeline": "payroll", "digest": f.Digest,
		"upload": strings.TrimPrefix(begun.Header.Get("Location"), uploads), "webhook": hook.ID, "delivery": "d1", "key": key.ID,
	}, auth}
}

// strange are names of nothing, in the form of those that are.
var strange = map[string]string{
	"job": "0123456789abcdef", "letter": "77", "operation": "two", "pipeline": "absent", "key": "aaaaaaaaaaaaaaaa",
	"digest": "sha256:" + strings.Repeat("0", 64), "upload": strings.Repeat("a", 26),
	"webhook": "0123456789abcdef", "delivery": "d77",
}

// fill puts names into a path.
func fill(path string, names map[string]string) string {
	for name, value := range names {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	return path
}

func (g *guarded) ask(t *testing.T, r routeCase, names map[string]string, token string, headers ...string) answer {
	t.Helper()
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	if r.body != "" {
		headers = append(headers, "Content-Type", events.ContentTypeJSON)
	}
	return ask(t, r.method, g.URL+fill(r.ask, names), strings.NewReader(r.body), append(headers, r.headers...)...)
}

// code is the code of a problem, or nothing.
func (a answer) code() string {
	var p events.Problem
	_ = json.Unmarshal(a.body, &p)
	if a.Request.Method == "HEAD" { // there is no body
		return map[int]string{401: "auth.required", 403: "auth.scope"}[a.StatusCode]
	}
	return p.Code
}

// TestEveryRouteHasARow holds the table of this test against the list of routes.
func TestEveryRouteHasARow(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	var index api.Index
	ask(t, "GET", g.URL+"/v1", nil, "Authorization", "Bearer b").into(t, 200, &index)
	rows := make(map[string]bool)
	for _, r := range routeCases() {
		rows[r.name()] = true
	}
	for _, r := range index.Routes {
		if !rows[r.Method+" "+r.Path] {
			t.Errorf("%s %s has no row in routecases_test.go", r.Method, r.Path)
		}
		if r.Scope == "" {
			t.Errorf("%s %s has no row in scopes.go: it is closed", r.Method, r.Path)
		}
	}
}

// TestEveryRouteByEveryScope asks every route with every scope alone.
func TestEveryRouteByEveryScope(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	for _, r := range routeCases() {
		if r.open {
			if a := g.ask(t, r, g.names, ""); a.StatusCode == 401 || a.StatusCode == 403 {
				t.Errorf("%s: %d %s for strangers", r.name(), a.StatusCode, a.body)
			}
			continue
		}
		a := g.ask(t, r, g.names, "")
		if a.StatusCode != 401 || a.code() != "auth.required" || a.Header.Get("WWW-Authenticate") != `Bearer realm="millrace"` {
			t.Errorf("%s without credentials: %d %s", r.name(), a.StatusCode, a.body)
		}
		a = g.ask(t, r, g.names, "no-key")
		if a.StatusCode != 429 && (a.StatusCode != 401 || !strings.Contains(a.Header.Get("WWW-Authenticate"), "invalid_token")) {
			t.Errorf("%s with a bad key: %d %s", r.name(), a.StatusCode, a.body)
		}
		for _, s := range identity.All() {
			a := g.ask(t, r, g.names, "a-"+string(s))
			want := ""
			switch {
			case !r.known && s != identity.Admin && !slices.Contains(r.scopes, s):
				want = "auth.scope"
			case r.mill:
				want = "auth.mill"
			}
			got := a.code()
			if !strings.HasPrefix(got, "auth.") {
				got = ""
			}
			if got != want || a.StatusCode == 401 || (a.StatusCode == 403) != (want != "") {
				t.Errorf("%s with scope %s: %d %s, want %q", r.name(), s, a.StatusCode, a.body, want)
			}
		}
		if a := g.ask(t, r, g.names, "mill", api.HeaderTenant, "a"); a.StatusCode == 401 || a.StatusCode == 403 {
			t.Errorf("%s for the mill: %d %s", r.name(), a.StatusCode, a.body)
		}
	}
}

// TestEveryRouteByAnotherTenant holds what a tenant is told of another's things
// against what it is told of things that are not there.
func TestEveryRouteByAnotherTenant(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	for _, r := range routeCases() {
		if r.open {
			continue
		}
		theirs, nothing := g.ask(t, r, g.names, "b"), g.ask(t, r, strange, "b")
		plain := func(a answer, names map[string]string) string {
			text := string(a.body)
			for name, value := range names {
				if !strings.Contains(r.ask, "{"+name+"}") {
					continue
				}
				text = regexp.MustCompile(`\b`+value+`\b`).ReplaceAllString(text, "X")
			}
			return text
		}
		same(t, r.name()+": status", theirs.StatusCode, nothing.StatusCode)
		if !r.makes {
			same(t, r.name()+": body", plain(theirs, g.names), plain(nothing, strange))
		}
		if strings.Contains(r.ask, "{") && !r.makes && nothing.StatusCode != 404 && !r.mill {
			t.Errorf("%s: %d for what is not there: %s", r.name(), nothing.StatusCode, nothing.body)
		}
		for _, name := range []string{g.names["job"], g.names["digest"], "payroll", "private", "job-of-a"} {
			if !strings.Contains(fill(r.ask, g.names)+r.body, name) && strings.Contains(string(theirs.body), name) {
				t.Errorf("%s tells another tenant of %s: %s", r.name(), name, theirs.body)
			}
		}
		for _, tenant := range []string{"a", "nobody-is-called-so"} {
			a := g.ask(t, r, g.names, "b", api.HeaderTenant, tenant)
			if want := 403; a.StatusCode != want || a.Request.Method != "HEAD" && a.code() != "auth.tenant" && a.code() != "auth.mill" {
				t.Errorf("%s as tenant %s: %d %s", r.name(), tenant, a.StatusCode, a.body)
			}
		}
	}
}

// noKeys are the keys of a mill that has none.
func noKeys(t *testing.T, w *gatewaytest.World) *identity.Keys {
	t.Helper()
	kv, err := w.Conn.KV(t.Context(), events.BucketCredentials)
	if err != nil {
		t.Fatal(err)
	}
	keys := identity.NewKeys(kv, identity.Options{})
	if err := keys.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	return keys
}
