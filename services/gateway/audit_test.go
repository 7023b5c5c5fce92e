package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// witnessed is a mill with identity, of which the owner asks without a key and the
// principal "mill" with one.
type witnessed struct {
	*person
	hook string
}

func newWitnessed(t *testing.T) *witnessed {
	t.Helper()
	auth := &door{tokens: principals()}
	w := gatewaytest.New(t, gateway.Config{
		Auth: auth, Keys: auth, TrustLocal: true, Jobs: jobsOf{}, Operations: &operations{}, Views: &numbers{},
	})
	auth.Keys = noKeys(t, w)
	w.Conductor.Rules(flow.Rules)
	if _, _, err := w.Pipelines.Apply(t.Context(), events.DefaultTenant, []byte(strict)); err != nil {
		t.Fatal(err)
	}
	bury(t, w, "rubbish", "spam")
	p := &witnessed{&person{w, t}, endpoint(t, w)}
	job := p.job()
	err := endpoints.New(endpoints.Options{Bus: w.Conn}).Log(t.Context(), events.DefaultTenant, api.Delivery{
		Webhook: p.hook, Message: "msg", Job: job, Sequence: 1, Outcome: api.Delivered,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// endpoint makes one and returns its id.
func endpoint(t *testing.T, w *gatewaytest.World) string {
	t.Helper()
	var hook api.Webhook
	ask(t, "POST", w.URL+"/v1/webhooks", strings.NewReader(`{"url":"https://example.com/x"}`),
		"Content-Type", events.ContentTypeJSON).into(t, 201, &hook)
	return hook.ID
}

// audit reads a page of the audit as the owner.
func (p *witnessed) audit(q api.AuditQuery) api.AuditPage {
	p.t.Helper()
	var page api.AuditPage
	ask(p.t, "GET", p.URL+"/v1/audit?"+q.Values().Encode(), nil).into(p.t, 200, &page)
	return page
}

// act is how a test does what a route is for.
type act struct {
	path, body string
	headers    []string
	// want is what the audit says besides who, when and why. Without an outcome it is
	// done.
	want api.AuditEntry
}

// to is an act on something whose name is known.
func to(target, path, body string, headers ...string) act {
	return act{path, body, headers, api.AuditEntry{Target: target}}
}

func (a act) detail(text string) act {
	a.want.Detail = text
	return a
}

func (a act) failing(code string) act {
	a.want.Outcome, a.want.Code = api.AuditFailed, code
	return a
}

func (a act) ofMill() act {
	a.want.Mill = true
	return a
}

// acts says how the routes are used that the audit knows, by method and path.
func (p *witnessed) acts() map[string]act {
	const reason, body = "?reason=because", `{"reason":"because"}`
	hook, old := "/v1/webhooks/"+p.hook, endpoint(p.t, p.World)
	asked := p.job()
	p.Conductor.Outcome(asked, class("auth"))
	ended := p.job()
	p.Conductor.Outcome(ended, nil)
	key, _, err := p.keys().Create(p.t.Context(), api.KeyRequest{Name: "old", Scopes: []string{"read"}}, identity.Local(), "default")
	if err != nil {
		p.t.Fatal(err)
	}
	def, err := p.Pipelines.Current(p.t.Context(), "default", "strict")
	if err != nil {
		p.t.Fatal(err)
	}
	return map[string]act{
		"POST /v1/jobs/{id}/rerun": to(ended, "/v1/jobs/"+ended+"/rerun", body),
		"POST /v1/decisions/{id}": to(asked+".keep", "/v1/decisions/"+asked+".keep",
			`{"choice":"retry","reason":"because"}`, "If-Match", `"1"`).detail("retry"),
		"POST /v1/deadletters/{id}/redrive": to("1", "/v1/deadletters/1/redrive",
			`{"reason":"because","data":{"key":"k","files":[{"inline":"eA=="}]}}`).detail("edited"),
		"DELETE /v1/deadletters/{id}": to("2", "/v1/deadletters/2"+reason, ""),
		"POST /v1/operations": to("one", "/v1/operations",
			`{"verb":"retry","reason":"because","filter":{"state":["attention"]}}`).detail("retry"),
		"POST /v1/operations/{id}/stop":   to("one", "/v1/operations/one/stop", body),
		"POST /v1/operations/{id}/resume": to("one", "/v1/operations/one/resume", body).detail("retry"),
		"PUT /v1/pipelines/{name}":        to("strict", "/v1/pipelines/strict"+reason, strict).detail(def.Digest),
		"PUT /v1/rules/{name}": to("r", "/v1/rules/r",
			`{"match":{"code":"x.y"},"then":{"class":"timeout"},"reason":"because"}`).ofMill(),
		"DELETE /v1/rules/{name}": to("r", "/v1/rules/r"+reason, "").ofMill(),
		"POST /v1/keys":           to("", "/v1/keys"+reason, `{"name":"ci","scopes":["read","submit"]}`).detail("ci: read submit"),
		"DELETE /v1/keys/{id}":    to(key.ID, "/v1/keys/"+key.ID+reason, ""),
		"POST /v1/webhooks":       to("", "/v1/webhooks"+reason, `{"url":"https://example.com/secret"}`),
		"PATCH /v1/webhooks/{id}": to(p.hook, hook, `{"url":"https://example.com/secret","skip":true,"reason":"because"}`).
			detail("url, skip"),
		"POST /v1/webhooks/{id}/rotate": to(p.hook, hook+"/rotate"+reason, "").detail("overlap 24h0m0s"),
		"POST /v1/webhooks/{id}/test":   to(p.hook, hook+"/test"+reason, "").failing("http.not_ready"),
		"POST /v1/webhooks/{id}/replay": to(p.hook, hook+"/replay"+reason, `{"since":"2026-01-02T03:04:05Z"}`).
			detail("since 2026-01-02T03:04:05Z"),
		"DELETE /v1/webhooks/{id}":        to(old, "/v1/webhooks/"+old+reason, ""),
		"POST /v1/deliveries/{id}/replay": to("d1", "/v1/deliveries/d1/replay"+reason, ""),
		"POST /v1/view/rebuild":           to("", "/v1/view/rebuild"+reason, "").ofMill(),
	}
}

func (p *witnessed) keys() *identity.Keys { return noKeys(p.t, p.World) }

// command is the act of a command that the job's state allows.
func (p *witnessed) command(verb events.Verb) act {
	state := map[events.Verb]string{
		events.VerbRetry: "attention", events.VerbAbandon: "attention", events.VerbResume: "paused",
		events.VerbSkip: "attention", events.VerbAccept: "undo", events.VerbRollback: "completed",
	}[verb]
	id := p.job()
	if state != "" {
		states[state](p.person, id)
	}
	o, headers := p.say(id, verb, state)
	body, detail := `{"reason":"because"}`, ""
	switch verb {
	case events.VerbSkip:
		body, detail = `{"reason":"because","step":"keep","force":true}`, "step keep, force"
	case events.VerbAccept:
		body, detail = `{"reason":"because","step":"keep"}`, "step keep"
	case events.VerbRollback:
		body, detail = fmt.Sprintf(`{"reason":"because","plan":%q}`, o.Plan), "plan "+o.Plan
	}
	return to(id, "/v1/jobs/"+id+"/"+string(verb), body, headers...).detail(detail)
}

// TestEveryRouteThatChangesIsInTheAudit uses every route with a method that may change
// something, and looks for who, what and why. The table of the gateway itself says which
// routes are spared, and why.
func TestEveryRouteThatChangesIsInTheAudit(t *testing.T) {
	t.Parallel()
	p := newWitnessed(t)
	acts := p.acts()
	for _, verb := range flow.Verbs() {
		acts["POST /v1/jobs/{id}/"+string(verb)] = p.command(verb)
	}
	var index api.Index
	ask(t, "GET", p.URL+"/v1", nil).into(t, 200, &index)
	for _, r := range index.Routes {
		name := r.Method + " " + r.Path
		action, spared := gateway.Deed(name)
		switch {
		case r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions:
			same(t, name+" is in the audit", action+spared, "")
		case spared != "":
		case action == "":
			t.Errorf("%s has no row in deeds.go", name)
		default:
			a, ok := acts[name]
			if !ok {
				t.Errorf("%s has no row in audit_test.go", name)
				continue
			}
			p.witness(t, name, action, a)
		}
	}
}

// witness does something, and looks for it in the audit.
func (p *witnessed) witness(t *testing.T, name, action string, a act) {
	t.Helper()
	method, _, _ := strings.Cut(name, " ")
	headers := append([]string{"Authorization", "Bearer mill", api.HeaderRequestID, "by-" + action}, a.headers...)
	if a.body != "" {
		headers = append(headers, "Content-Type", events.ContentTypeJSON)
	}
	answered := ask(t, method, p.URL+a.path, strings.NewReader(a.body), headers...)
	want := a.want
	want.Tenant, want.By, want.Action, want.Reason, want.Request = "default", "key:mill/op", action, "because", "by-"+action
	if want.Outcome == "" {
		want.Outcome = api.AuditDone
	}
	if want.Target == "" && answered.Header.Get("Location") != "" {
		want.Target = answered.Header.Get("Location")[strings.LastIndex(answered.Header.Get("Location"), "/")+1:]
	}
	eventually(t, name, func() error {
		list := p.audit(api.AuditQuery{By: "key:mill/op", Action: action}).Entries
		if len(list) != 1 {
			return fmt.Errorf("%d entries; it was answered %d %s", len(list), answered.StatusCode, answered.body)
		}
		if d := cmp.Diff(want, list[0], cmpopts.IgnoreFields(api.AuditEntry{}, "ID", "Time")); d != "" {
			return fmt.Errorf("(-want +got):\n%s%s", d, answered.body)
		}
		return nil
	})
}

// TestTheAuditIsOfTheTenant lets those read the audit who administer a tenant.
func TestTheAuditIsOfTheTenant(t *testing.T) {
	t.Parallel()
	p := newWitnessed(t)
	made := func(token string) {
		t.Helper()
		ask(t, "POST", p.URL+"/v1/webhooks?reason="+token, strings.NewReader(`{"url":"https://example.com/x"}`),
			"Content-Type", events.ContentTypeJSON, "Authorization", "Bearer "+token).into(t, 201, &api.Webhook{})
	}
	made("a-admin")
	made("b")
	ask(t, "POST", p.URL+"/v1/view/rebuild", nil, "Authorization", "Bearer mill").into(t, 202, &api.View{})
	see := func(headers ...string) (reasons []string) {
		t.Helper()
		var page api.AuditPage
		ask(t, "GET", p.URL+"/v1/audit", nil, headers...).into(t, 200, &page)
		for _, e := range page.Entries {
			reasons = append(reasons, e.Action+" "+e.Reason)
		}
		return reasons
	}
	same(t, "a", see("Authorization", "Bearer a-admin"), []string{"webhook.create a-admin"})
	same(t, "b", see("Authorization", "Bearer b"), []string{"webhook.create b"})
	same(t, "b, for the owner", see(api.HeaderTenant, "b"), []string{"webhook.create b"})
	same(t, "all", see(), []string{"view.rebuild ", "webhook.create b", "webhook.create a-admin", "webhook.create "})
	ask(t, "GET", p.URL+"/v1/audit", nil, "Authorization", "Bearer a-control").problem(t, 403, "auth.scope")
}

// TestTheAuditIsPaged reads it bit by bit, filtered.
func TestTheAuditIsPaged(t *testing.T) {
	t.Parallel()
	p := newWitnessed(t)
	for i := range 5 {
		ask(t, "POST", fmt.Sprintf("%s/v1/webhooks/%s/rotate?reason=%d", p.URL, p.hook, i), nil).into(t, 200, &api.Webhook{})
	}
	var got []string
	q := api.AuditQuery{Action: "webhook.rotate", Limit: 2}
	for {
		page := p.audit(q)
		for _, e := range page.Entries {
			got = append(got, e.Reason)
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			break
		}
	}
	same(t, "reasons", got, []string{"4", "3", "2", "1", "0"})
	same(t, "by a group", len(p.audit(api.AuditQuery{Action: "webhook"}).Entries), 6)
	same(t, "by no group", len(p.audit(api.AuditQuery{Action: "web"}).Entries), 0)
	same(t, "begun", len(p.audit(api.AuditQuery{Outcome: api.AuditBegun}).Entries), 0)
	same(t, "later", len(p.audit(api.AuditQuery{Since: time.Now().Add(time.Hour)}).Entries), 0)
	same(t, "earlier", len(p.audit(api.AuditQuery{Until: time.Now().Add(-time.Hour)}).Entries), 0)
	for _, query := range []string{"colour=red", "outcome=lost", "since=x", "limit=0", "cursor=x", "by=a&by=b", "by=%ff"} {
		ask(t, "GET", p.URL+"/v1/audit?"+query, nil).problem(t, 400, "http.bad_request")
	}
	long := url.QueryEscape(strings.Repeat("x", 1025))
	ask(t, "POST", p.URL+"/v1/webhooks/"+p.hook+"/rotate?reason="+long, nil).problem(t, 400, "http.bad_request")
}

// TestWhatTheAuditDoesNotTakeIsNotDone takes the audit away.
func TestWhatTheAuditDoesNotTakeIsNotDone(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{CommandTimeout: time.Second}})
	hook := endpoint(t, w)
	deleteStream(t, w.Conn, events.StreamAudit)
	a := ask(t, "DELETE", w.URL+"/v1/webhooks/"+hook, nil)
	if a.StatusCode < 500 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	same(t, "it is there", ask(t, "GET", w.URL+"/v1/webhooks/"+hook, nil).StatusCode, 200)
}

// deleteStream removes a stream as only an operator of the broker could.
func deleteStream(t *testing.T, c *bus.Conn, stream string) {
	t.Helper()
	if _, err := c.Request(t.Context(), "$JS.API.STREAM.DELETE."+stream, nil, nil); err != nil {
		t.Fatal(err)
	}
}
