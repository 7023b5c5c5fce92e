package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/policy"
)

var start = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// ruleOf is a rule with one match that says something.
func ruleOf(name string, m events.RuleMatch) events.Rule {
	return events.Rule{
		Name: name, Match: m, Then: events.RuleThen{Class: string(fault.DependencyDown)}, Reason: "test", CreatedAt: start,
	}
}

func compile(t *testing.T, list ...events.Rule) *policy.Rules {
	t.Helper()
	r, err := policy.Compile(list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// crmDown is a fault of a call that the CRM did not answer.
func crmDown() *events.Fault {
	return &events.Fault{
		Code: string(fault.HttpcallServerError), Class: string(fault.Transient), Dependency: "http:crm.example.com:443",
	}
}

// who asks about the fault of a step of stage http-call@2 of pipeline orders of
// tenant acme, and returns the rule that speaks.
func who(r *policy.Rules, f *events.Fault, now time.Time) string {
	g := r.Rule(f, "http-call@2", "orders", "acme", now)
	if g == nil {
		return ""
	}
	return g.Rule
}

func TestWhatARuleIsAbout(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		match events.RuleMatch
		want  bool
	}{
		"the code":                   {events.RuleMatch{Code: "httpcall.server_error"}, true},
		"another code":               {events.RuleMatch{Code: "httpcall.server"}, false},
		"the beginning of the code":  {events.RuleMatch{Code: "httpcall.*"}, true},
		"another beginning":          {events.RuleMatch{Code: "http.*"}, false},
		"the class":                  {events.RuleMatch{Class: "transient"}, true},
		"another class":              {events.RuleMatch{Class: "timeout"}, false},
		"the stage":                  {events.RuleMatch{Stage: "http-call"}, true},
		"the stage and its version":  {events.RuleMatch{Stage: "http-call@2"}, true},
		"another version":            {events.RuleMatch{Stage: "http-call@1"}, false},
		"another stage":              {events.RuleMatch{Stage: "http"}, false},
		"the pipeline":               {events.RuleMatch{Pipeline: "orders"}, true},
		"another pipeline":           {events.RuleMatch{Pipeline: "order"}, false},
		"the tenant":                 {events.RuleMatch{Tenant: "acme"}, true},
		"another tenant":             {events.RuleMatch{Tenant: "default"}, false},
		"the dependency":             {events.RuleMatch{Dependency: "http:crm.example.com:443"}, true},
		"the beginning of its name":  {events.RuleMatch{Dependency: "http:crm.*"}, true},
		"another dependency":         {events.RuleMatch{Dependency: "http:crm.example.com"}, false},
		"all of it":                  {events.RuleMatch{Code: "httpcall.*", Class: "transient", Stage: "http-call", Pipeline: "orders", Tenant: "acme", Dependency: "http:crm*"}, true},
		"all of it but one":          {events.RuleMatch{Code: "httpcall.*", Class: "transient", Stage: "http-call", Pipeline: "orders", Tenant: "acme", Dependency: "s3:*"}, false},
		"everything with a code":     {events.RuleMatch{Code: "*"}, true},
		"what names some dependency": {events.RuleMatch{Dependency: "*"}, true},
	} {
		got := who(compile(t, ruleOf("r", tc.match)), crmDown(), start)
		if (got == "r") != tc.want {
			t.Errorf("%s: the rule speaks: %t, want %t", name, got == "r", tc.want)
		}
	}
}

// Each rule is asked before the next one, whatever the order in which they are set.
func TestWhoSpeaksOfSeveral(t *testing.T) {
	t.Parallel()
	newer := ruleOf("newer", events.RuleMatch{Code: "httpcall.*"})
	newer.CreatedAt = start.Add(time.Minute)
	newest := ruleOf("newest", events.RuleMatch{Code: "httpcall.*"})
	newest.CreatedAt, newest.Revision = start.Add(time.Minute), 9
	order := []events.Rule{
		ruleOf("three conditions", events.RuleMatch{Code: "*", Stage: "http-call", Dependency: "http:*"}),
		ruleOf("two, both exact", events.RuleMatch{Class: "transient", Pipeline: "orders"}),
		ruleOf("two, the stage with its version", events.RuleMatch{Code: "httpcall.*", Stage: "http-call@2"}),
		ruleOf("two, the longer one", events.RuleMatch{Code: "httpcall.*", Dependency: "http:crm.example*"}),
		ruleOf("two, the shorter one", events.RuleMatch{Code: "httpcall.*", Dependency: "http:crm*"}),
		ruleOf("one, exact, longer", events.RuleMatch{Code: "httpcall.server_error"}),
		ruleOf("one, exact", events.RuleMatch{Tenant: "acme"}),
		newest,
		newer,
		ruleOf("oldest", events.RuleMatch{Code: "httpcall.*"}),
		ruleOf("oldest too, by its name", events.RuleMatch{Code: "httpcall.*"}),
		ruleOf("one, shorter", events.RuleMatch{Code: "http*"}),
	}
	names := make([]string, len(order))
	for i := range order {
		names[i] = order[i].Name
		order[i].Name = "r" + strings.Repeat("x", i)
	}
	for i := range order {
		rest := append([]events.Rule{}, order[i:]...)
		for range rest {
			rest = append(rest[1:], rest[0])
			if got := who(compile(t, rest...), crmDown(), start); got != order[i].Name {
				t.Errorf("of %d rules %q speaks, want %q", len(rest), names[max(0, len(got)-1)], names[i])
			}
		}
	}
}

func TestARuleEnds(t *testing.T) {
	t.Parallel()
	general := ruleOf("general", events.RuleMatch{Class: "transient"})
	special := ruleOf("special", events.RuleMatch{Class: "transient", Stage: "http-call"})
	special.Until = start.Add(time.Hour)
	r := compile(t, general, special)
	for after, want := range map[time.Duration]string{
		0: "special", time.Hour - 1: "special", time.Hour: "general", 24 * time.Hour: "general",
	} {
		if got := who(r, crmDown(), start.Add(after)); got != want {
			t.Errorf("after %v %q speaks, want %q", after, got, want)
		}
	}
	if !policy.InForce(special, start) || policy.InForce(special, special.Until) || !policy.InForce(general, start.AddDate(100, 0, 0)) {
		t.Error("a rule is in force until its end, and without an end for ever")
	}
}

func TestWhatARuleSays(t *testing.T) {
	t.Parallel()
	r := compile(t, events.Rule{
		Name: "slow", Revision: 7, Match: events.RuleMatch{Class: "transient"}, Reason: "test",
		Then: events.RuleThen{
			Class: "timeout", MaxAttempts: 9, InitialMS: 10, MaxMS: 100, Factor: 1.5, RetryAfterMS: 3, Rate: "2/s",
		},
	})
	want := &events.Ruling{
		Rule: "slow", Revision: 7, Class: "timeout", MaxAttempts: 9, InitialMS: 10, MaxMS: 100, Factor: 1.5, RetryAfterMS: 3,
	}
	if diff := cmp.Diff(want, r.Rule(crmDown(), "s@1", "p", "t", start)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := r.Every("slow"); got != 500*time.Millisecond || r.Every("other") != 0 || r.Len() != 1 {
		t.Errorf("every %v, %d rules", got, r.Len())
	}
	draining := &events.Fault{Code: string(fault.StageDraining), Class: "transient"}
	if g := r.Rule(draining, "s@1", "p", "t", start); g != nil {
		t.Errorf("a worker that stops is ruled: %+v", g)
	}
	if g := r.Rule(nil, "s@1", "p", "t", start); g != nil {
		t.Errorf("no fault is ruled: %+v", g)
	}
	var none *policy.Rules
	if none.Rule(crmDown(), "s@1", "p", "t", start) != nil || none.Every("slow") != 0 || none.Len() != 0 {
		t.Error("no rules say something")
	}
}

func TestRulesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	good := ruleOf("good", events.RuleMatch{Class: "transient"})
	strange := ruleOf("strange", events.RuleMatch{Class: "transient"})
	strange.Then.Class = "of_a_newer_build"
	fast := ruleOf("fast", events.RuleMatch{Class: "transient"})
	fast.Then.Rate = "2 per second"
	r, err := policy.Compile([]events.Rule{
		good, good, strange, fast, ruleOf("empty", events.RuleMatch{}), ruleOf("", events.RuleMatch{Class: "transient"}),
		ruleOf("class", events.RuleMatch{Class: "no_such_class"}),
	})
	if !fault.Has(err, fault.RuleInvalid) || !strings.Contains(err.Error(), ": , class, empty, fast, good, strange") {
		t.Errorf("Compile: %v", err)
	}
	if got := who(r, crmDown(), start); got != "good" || r.Len() != 1 {
		t.Errorf("of those that can be used %q speaks", got)
	}
}
