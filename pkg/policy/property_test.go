package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/policy"
)

var (
	codes        = []string{"", "fetch.stalled", "fetch.*", "f*", "*", "http.call", "\x00*", "stage.draining"}
	dependencies = []string{"", "http:a", "http:*", "s3:b", "*", "h\xff"}
	stages       = []string{"", "fetch", "fetch@1", "fetch@2", "hash", "@", "hash@1"}
	tenants      = []string{"", "acme", "default"}
	pipelines    = []string{"", "orders", "pack"}
	classes      = []string{"", "transient", "timeout", "bug", "rubbish"}
	rates        = []string{"", "2/s", "1/h", "9999/m", "x/s", "2/", "0/s"}
)

func drawRule(rt *rapid.T) events.Rule {
	pick := func(from []string, label string) string { return rapid.SampledFrom(from).Draw(rt, label) }
	r := events.Rule{
		Name: rapid.StringMatching(`[a-d]?`).Draw(rt, "name"),
		Match: events.RuleMatch{
			Code: pick(codes, "code"), Class: pick(classes, "class"), Stage: pick(stages, "stage"),
			Pipeline: pick(pipelines, "pipeline"), Tenant: pick(tenants, "tenant"), Dependency: pick(dependencies, "dependency"),
		},
		Then: events.RuleThen{
			Class: pick(classes, "then"), MaxAttempts: rapid.Int().Draw(rt, "most"), Rate: pick(rates, "rate"),
			InitialMS: rapid.Int64().Draw(rt, "initial"), MaxMS: rapid.Int64().Draw(rt, "max"),
			Factor: rapid.Float64().Draw(rt, "factor"), RetryAfterMS: rapid.Int64().Draw(rt, "wait"),
		},
		CreatedAt: start.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "created")) * time.Hour),
		Revision:  uint64(rapid.IntRange(0, 3).Draw(rt, "revision")),
	}
	if rapid.Bool().Draw(rt, "ends") {
		r.Until = start.Add(time.Duration(rapid.IntRange(-3, 3).Draw(rt, "until")) * time.Hour)
	}
	return r
}

// Whatever the rules and the fault: nothing panics, the order of the rules and a
// second question change nothing, and who speaks is about the fault and in force,
// while no rule with more conditions is.
func TestEveryQuestionHasOneAnswer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(drawRule), 0, 6).Draw(rt, "rules")
		slices.SortFunc(list, func(a, b events.Rule) int { return strings.Compare(a.Name, b.Name) })
		list = slices.CompactFunc(list, func(a, b events.Rule) bool { return a.Name == b.Name })
		f := &events.Fault{
			Code:       rapid.SampledFrom(codes).Draw(rt, "fault code"),
			Class:      rapid.SampledFrom(classes).Draw(rt, "fault class"),
			Dependency: rapid.SampledFrom(dependencies).Draw(rt, "fault dependency"),
		}
		stage, pipeline := rapid.SampledFrom(stages).Draw(rt, "of stage"), rapid.SampledFrom(pipelines).Draw(rt, "of pipeline")
		tenant := rapid.SampledFrom(tenants).Draw(rt, "of tenant")
		r, err := policy.Compile(list)
		got := r.Rule(f, stage, pipeline, tenant, start)
		again, err2 := policy.Compile(rapid.Permutation(list).Draw(rt, "order"))
		if diff := cmp.Diff(got, again.Rule(f, stage, pipeline, tenant, start)); diff != "" || (err == nil) != (err2 == nil) {
			rt.Fatalf("in another order (%v, %v):\n%s", err, err2, diff)
		}
		for _, one := range list {
			policy.Check(one, []string{"fetch"}, start)
			_, bad := policy.Compile([]events.Rule{one})
			about := bad == nil && policy.InForce(one, start) && naive(one.Match, f, stage, pipeline, tenant)
			switch {
			case got != nil && got.Rule == one.Name && !about:
				rt.Fatalf("%+v speaks about %+v", one, f)
			case got == nil && about && fault.Code(f.Code) != fault.StageDraining:
				rt.Fatalf("%+v is not asked about %+v", one, f)
			}
		}
	})
}

// naive is what a match means, in other words than those of the package.
func naive(m events.RuleMatch, f *events.Fault, stage, pipeline, tenant string) bool {
	for _, pair := range [][2]string{
		{m.Code, f.Code}, {m.Dependency, f.Dependency}, {m.Class, f.Class}, {m.Pipeline, pipeline}, {m.Tenant, tenant},
	} {
		want, got := pair[0], pair[1]
		if n := len(want) - 1; n >= 0 && want[n] == '*' {
			got = got[:min(len(got), n)] + "*"
		}
		if want != "" && want != got {
			return false
		}
	}
	return m.Stage == "" || m.Stage == stage || m.Stage == strings.Split(stage, "@")[0]
}

// No two places are closer than the interval, none comes before it was wanted, and
// none is given away while an earlier one was free.
func TestPlacesAreApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		every := time.Duration(rapid.IntRange(1, 100_000).Draw(rt, "every")) * time.Millisecond
		p, now := policy.NewPace(every), start
		taken := map[time.Time]bool{}
		for range rapid.IntRange(1, 60).Draw(rt, "takes") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(rt, "passed")) * time.Millisecond)
			at := now.Add(time.Duration(rapid.IntRange(-10_000, 300_000).Draw(rt, "wanted")) * time.Millisecond)
			got := p.Take(at, now)
			if at.Before(now) {
				at = now
			}
			if got.Before(at) || taken[got] || got.UnixNano()%int64(every) != 0 {
				rt.Fatalf("wanted %v, got %v", at, got)
			}
			taken[got] = true
			for earlier := got.Add(-every); !earlier.Before(at); earlier = earlier.Add(-every) {
				if !taken[earlier] {
					rt.Fatalf("wanted %v, got %v, and %v was free", at, got, earlier)
				}
			}
		}
	})
}
