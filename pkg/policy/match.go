package policy

import (
	"strings"

	"github.com/millrace/millrace/events"
)

// fits reports whether all that a match gives fits a failed attempt.
func fits(m *events.RuleMatch, f *events.Fault, stage, pipeline, tenant string) bool {
	return like(m.Code, f.Code) &&
		like(m.Dependency, f.Dependency) &&
		same(m.Class, f.Class) &&
		same(m.Pipeline, pipeline) &&
		same(m.Tenant, tenant) &&
		ofStage(m.Stage, stage)
}

func same(want, got string) bool { return want == "" || want == got }

// like reports whether a text is what is wanted, or begins like it when that ends
// with an asterisk.
func like(want, got string) bool {
	if prefix, ok := strings.CutSuffix(want, "*"); ok {
		return strings.HasPrefix(got, prefix)
	}
	return same(want, got)
}

// ofStage reports whether a stage with its version is the one wanted; without a
// version every one is.
func ofStage(want, got string) bool {
	if strings.Contains(want, "@") {
		return want == got
	}
	name, _, _ := strings.Cut(got, "@")
	return same(want, name)
}

// conditions counts what a match gives.
func conditions(m *events.RuleMatch) int {
	return count(m.Code != "", m.Dependency != "", m.Class != "", m.Pipeline != "", m.Tenant != "", m.Stage != "")
}

// exact counts the conditions that only one value fits.
func exact(m *events.RuleMatch) int {
	one := func(s string) bool { return s != "" && !strings.HasSuffix(s, "*") }
	return count(one(m.Code), one(m.Dependency), m.Class != "", m.Pipeline != "", m.Tenant != "",
		strings.Contains(m.Stage, "@"))
}

// length is how much of a code and of a dependency a match wants.
func length(m *events.RuleMatch) int { return len(m.Code) + len(m.Dependency) }

func count(given ...bool) int {
	n := 0
	for _, yes := range given {
		if yes {
			n++
		}
	}
	return n
}
