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

func TestCheck(t *testing.T) {
	t.Parallel()
	type m = events.RuleMatch
	type th = events.RuleThen
	down := th{Class: "dependency_down"}
	for name, tc := range map[string]struct {
		match m
		then  th
		want  string // the pointers of the complaints
	}{
		"a good one":                         {m{Code: "httpcall.*", Dependency: "http:crm*"}, th{Class: "dependency_down", Rate: "2/s"}, ""},
		"a budget":                           {m{Class: "timeout"}, th{MaxAttempts: 20, InitialMS: 1000, MaxMS: 5000, Factor: 1}, ""},
		"a wait":                             {m{Class: "rate_limited"}, th{RetryAfterMS: 60_000}, ""},
		"a stage of one's own":               {m{Code: "redact.bad_font"}, down, ""},
		"no condition":                       {m{}, down, "/match"},
		"no such code":                       {m{Code: "fetch.stale"}, down, "/match/code"},
		"no such area":                       {m{Code: "zzz"}, down, "/match/code"},
		"no code begins like that":           {m{Code: "fetch.x*"}, down, "/match/code"},
		"all codes":                          {m{Code: "*"}, down, "/match/code"},
		"an asterisk in the middle":          {m{Code: "fetch.*d"}, down, "/match/code"},
		"all dependencies":                   {m{Dependency: "*"}, down, "/match/dependency"},
		"no such class":                      {m{Class: "down"}, down, "/match/class"},
		"nothing to do":                      {m{Class: "timeout"}, th{}, "/then"},
		"no such class to be treated as":     {m{Class: "timeout"}, th{Class: "down", RetryAfterMS: 5}, "/then/class"},
		"cancelled":                          {m{Class: "timeout"}, th{Class: "cancelled"}, "/then/class"},
		"the class that it has":              {m{Class: "timeout"}, th{Class: "timeout"}, "/then/class"},
		"a first delay above the longest":    {m{Class: "timeout"}, th{InitialMS: 2, MaxMS: 1}, "/then/initial_ms"},
		"a fixed wait that grows":            {m{Class: "timeout"}, th{RetryAfterMS: 2, Factor: 2}, "/then/retry_after_ms"},
		"a factor below 1":                   {m{Class: "timeout"}, th{Factor: 0.5}, "/then"},
		"negative":                           {m{Class: "timeout"}, th{MaxAttempts: -1}, "/then"},
		"no rate":                            {m{Class: "timeout"}, th{Rate: "2"}, "/then/rate"},
		"too high a rate":                    {m{Class: "timeout"}, th{Rate: "1001/s"}, "/then/rate"},
		"a wait for what is not tried again": {m{Class: "policy"}, th{RetryAfterMS: 5}, "/then"},
		"a rate for what is not tried again": {m{Code: "fetch.*"}, th{Class: "bug", Rate: "1/s"}, "/then"},
		"a budget of what does not count":    {m{Code: "fetch.*"}, th{Class: "rate_limited", MaxAttempts: 4}, "/then/max_attempts"},
		"two things at once":                 {m{Code: "x"}, th{Rate: "2"}, "/match/code /then/rate"},
	} {
		r := events.Rule{Name: "r", Match: tc.match, Then: tc.then, Reason: "test", Until: start.Add(time.Hour)}
		list, _ := policy.Check(r, []string{"fetch"}, start)
		var got []string
		for _, c := range list {
			got = append(got, c.Pointer)
			if c.Code != string(fault.RuleInvalid) || c.Detail == "" || c.Hint == "" {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %+v (-want +got):\n%s", name, list, diff)
		}
		if _, err := policy.Compile([]events.Rule{r}); len(list) == 0 && err != nil {
			t.Errorf("%s: the rule passes and cannot be used: %v", name, err)
		}
	}
}

func TestCheckOfEndAndReason(t *testing.T) {
	t.Parallel()
	r := ruleOf("r", events.RuleMatch{Stage: "fetch"})
	r.Until, r.Reason = start, " "
	list, _ := policy.Check(r, []string{"fetch"}, start)
	if len(list) != 2 || list[0].Pointer != "/until" || list[1].Pointer != "/reason" {
		t.Errorf("complaints: %+v", list)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	good := ruleOf("r", events.RuleMatch{Stage: "fetch@1", Code: "fetch.*"})
	good.Until = start.Add(time.Hour)
	forever, wide, away, own, effect := good, good, good, good, good
	forever.Until = time.Time{}
	wide.Match.Stage = ""
	away.Match.Stage = "fetsh"
	own.Match.Code = "redact.*"
	effect.Match.Class = string(fault.UnknownEffect)
	for want, r := range map[string]events.Rule{
		"": good, "no end": forever, "all stages": wide, "no stage fetsh": away, "no code redact.*": own, "keep their class": effect,
	} {
		list, warnings := policy.Check(r, []string{"fetch"}, start)
		if len(list) != 0 {
			t.Errorf("%q: %+v", want, list)
		}
		if all := strings.Join(warnings, "\n"); !strings.Contains(all, want) || (want == "") != (all == "") || len(warnings) > 1 {
			t.Errorf("want a warning of %q, got %q", want, warnings)
		}
	}
}
