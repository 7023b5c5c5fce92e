package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

const crmDown = `{"match":{"code":"httpcall.*","dependency":"http:crm*"},` +
	`"then":{"class":"dependency_down","rate":"2/s"},"reason":"it is being restarted"}`

func TestRules(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	put := func(name, body string, headers ...string) answer {
		t.Helper()
		headers = append(headers, "Content-Type", "application/json")
		return ask(t, "PUT", w.URL+"/v1/rules/"+name, strings.NewReader(body), headers...)
	}
	var list api.RuleList
	a := ask(t, "GET", w.URL+"/v1/rules", nil)
	a.into(t, 200, &list)
	same(t, "no rules", string(a.body), `{"rules":[]}`)

	var set api.RuleSet
	a = put("crm-down", crmDown, "If-None-Match", "*")
	a.into(t, 201, &set)
	first := set.Rule
	same(t, "created", set.Created, true)
	same(t, "location", a.Header.Get("Location"), "/v1/rules/crm-down")
	same(t, "name and by", []string{first.Name, first.By}, []string{"crm-down", "http"})
	if len(set.Warnings) != 1 || !strings.Contains(set.Warnings[0], "no end") || first.CreatedAt.IsZero() {
		t.Errorf("set %+v", set)
	}
	put("crm-down", crmDown, "If-None-Match", "*").problem(t, 412, "rule.stale_revision")

	var got events.Rule
	a = ask(t, "GET", w.URL+"/v1/rules/crm-down", nil)
	a.into(t, 200, &got)
	same(t, "read", got, first)
	tag := a.Header.Get("ETag")
	slower := strings.Replace(crmDown, "2/s", "1/s", 1)
	slower = strings.Replace(slower, `"reason"`, `"by":"ann","name":"crm-down","reason"`, 1)
	put("crm-down", slower, "If-Match", tag).into(t, 200, &set)
	same(t, "replaced", []string{set.Rule.Then.Rate, set.Rule.By}, []string{"1/s", "ann"})
	put("crm-down", slower, "If-Match", tag).problem(t, 412, "rule.stale_revision")
	ask(t, "DELETE", w.URL+"/v1/rules/crm-down?reason=x", nil, "If-Match", tag).problem(t, 412, "rule.stale_revision")
	put("another", crmDown).into(t, 201, new(api.RuleSet))
	ask(t, "GET", w.URL+"/v1/rules", nil, "Millrace-Tenant", "other").into(t, 200, &list)
	same(t, "the rules are those of the mill", len(list.Rules), 2)

	var change events.RuleChange
	ask(t, "DELETE", w.URL+"/v1/rules/crm-down?reason=it+is+back&by=bob", nil).into(t, 200, &change)
	same(t, "removed", []string{string(change.Action), change.By, change.Reason}, []string{"remove", "bob", "it is back"})
	ask(t, "GET", w.URL+"/v1/rules/crm-down", nil).problem(t, 404, "rule.not_found")
	ask(t, "DELETE", w.URL+"/v1/rules/crm-down?reason=again", nil).problem(t, 404, "rule.not_found")

	var history api.RuleHistory
	ask(t, "GET", w.URL+"/v1/rules/crm-down/history", nil).into(t, 200, &history)
	var told []string
	for _, c := range history.Changes {
		told = append(told, string(c.Action)+" by "+c.By+": "+c.Reason)
	}
	same(t, "history", told, []string{
		"set by http: it is being restarted", "set by ann: it is being restarted", "remove by bob: it is back",
	})
	ask(t, "GET", w.URL+"/v1/rules/never/history", nil).problem(t, 404, "rule.not_found")
}

func TestBadRules(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	put := func(name, body string, headers ...string) answer {
		t.Helper()
		headers = append(headers, "Content-Type", "application/json")
		return ask(t, "PUT", w.URL+"/v1/rules/"+name, strings.NewReader(body), headers...)
	}
	change := func(old, with string) string { return strings.Replace(crmDown, old, with, 1) }
	for pointer, body := range map[string]string{
		"/then/clas":  change(`"class"`, `"clas"`),
		"/then/class": change("dependency_down", "down"),
		"/then/rate":  change("2/s", "2 a second"),
		"/match/code": change("httpcall.*", "http.nonesuch"),
		"/reason":     change("it is being restarted", " "),
		"/name":       change(`"reason"`, `"name":"other","reason"`),
		"/until":      change(`"reason"`, `"until":"2020-01-02T03:04:05Z","reason"`),
		"/until ":     change(`"reason"`, `"until":"soon","reason"`),
		"/match":      change(`"code":"httpcall.*","dependency":"http:crm*"`, ""),
		"":            "[]",
		" ":           "{",
		"/then":       change("dependency_down", "bug"),
	} {
		p := put("crm-down", body).problem(t, 422, "rule.invalid")
		if len(p.Errors) == 0 || p.Errors[0].Pointer != strings.TrimSpace(pointer) {
			t.Errorf("%s: %+v", pointer, p)
		}
	}
	put("a.b", crmDown).problem(t, 422, "rule.invalid")
	put("crm", crmDown, "If-Match", "soon").problem(t, 400, "http.bad_request")
	put("crm", crmDown, "If-None-Match", `"7"`).problem(t, 400, "http.bad_request")
	put("crm", crmDown, "If-None-Match", "*", "If-Match", `"7"`).problem(t, 400, "http.bad_request")
	put("crm", `{"reason":"`+strings.Repeat("x", 20<<10)+`"}`).problem(t, 413, "http.too_large")
	ask(t, "PUT", w.URL+"/v1/rules/crm", strings.NewReader("a: b"), "Content-Type", "application/yaml").
		problem(t, 415, "http.unsupported_media_type")
	ask(t, "DELETE", w.URL+"/v1/rules/crm", nil).problem(t, 422, "rule.invalid")
	ask(t, "DELETE", w.URL+"/v1/rules/crm?reason="+strings.Repeat("x", 1025), nil).problem(t, 400, "http.bad_request")
	ask(t, "DELETE", w.URL+"/v1/rules/crm?reason=x&by="+strings.Repeat("x", 256), nil).problem(t, 400, "http.bad_request")
	ask(t, "GET", w.URL+"/v1/rules/a.b", nil).problem(t, 404, "rule.not_found")
}

// The client's words for rules.
func TestRulesOfTheClient(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	c, err := client.New(client.Config{Server: w.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	rule := events.Rule{
		Name: "slow", Match: events.RuleMatch{Class: "timeout"}, Then: events.RuleThen{MaxAttempts: 20},
		Until: time.Now().Add(time.Hour).UTC().Truncate(time.Second), Reason: "a slow day", By: "ann",
	}
	set, err := c.SetRule(ctx, rule, client.RuleWhen{New: true})
	if err != nil || !set.Created || len(set.Warnings) != 1 {
		t.Fatalf("set %+v, %v", set, err)
	}
	if _, err := c.SetRule(ctx, rule, client.RuleWhen{New: true}); !fault.Has(err, fault.RuleStaleRevision) {
		t.Errorf("set as a new one again: %v", err)
	}
	got, err := c.Rule(ctx, "slow")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "read", *got, set.Rule)
	again, err := c.SetRule(ctx, rule, client.RuleWhen{Revision: got.Revision})
	if err != nil || again.Created {
		t.Errorf("set again: %+v, %v", again, err)
	}
	if list, err := c.Rules(ctx); err != nil || len(list) != 1 || list[0].Revision != again.Rule.Revision {
		t.Errorf("list: %+v, %v", list, err)
	}
	if _, err := c.RemoveRule(ctx, "slow", "bob", "done", client.RuleWhen{Revision: got.Revision}); !fault.Has(err, fault.RuleStaleRevision) {
		t.Errorf("remove an old revision: %v", err)
	}
	change, err := c.RemoveRule(ctx, "slow", "bob", "done & over", client.RuleWhen{})
	if err != nil || change.By != "bob" || change.Reason != "done & over" {
		t.Errorf("remove: %+v, %v", change, err)
	}
	if _, err := c.Rule(ctx, "slow"); !fault.Has(err, fault.RuleNotFound) {
		t.Errorf("read after that: %v", err)
	}
	if history, err := c.RuleHistory(ctx, "slow"); err != nil || len(history) != 3 {
		t.Errorf("history: %+v, %v", history, err)
	}
	rule.Match.Class = "no_such_class"
	if _, err := c.SetRule(ctx, rule, client.RuleWhen{}); !fault.Has(err, fault.RuleInvalid) {
		t.Errorf("set a bad one: %v", err)
	}
}
