package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestHugeFiles checks files that are made to take long or much.
func TestHugeFiles(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: millrace.dev/v1\nkind: Pipeline\nmetadata: { name: p }\nspec:\n"
	const with = head + "  steps:\n    - id: a\n      uses: any@1\n      with: { v: "
	repeat := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	tests := []struct{ name, src, rule string }{
		{"too long", strings.Repeat("#", MaxSource+1), ruleTooLarge},
		{"brackets", strings.Repeat("[", MaxSource), ruleTooLarge},
		{"some brackets", strings.Repeat("[", 10_000), ruleDepth},
		{"some dashes", strings.Repeat("- ", 10_000), ruleDepth},
		{"questions", strings.Repeat("? ", 10_000), ruleKey},
		{"quotes", strings.Repeat(`"`, MaxSource), ruleTooLarge},
		{"colons", "[" + strings.Repeat("a: ", 9_000), ruleSyntax},
		{"one word", "a: " + strings.Repeat("x", MaxSource-3), ruleMissing},
		{"fields", head + repeat(6_000, "  f%d: 1\n"), ruleUnknownField},
		{"expressions", with + `"` + strings.Repeat("${{ job.id }}", 15_000) + "\" }\n", ruleBounds},
		{"open marks", with + `"` + strings.Repeat("${{ ", 60_000) + "\" }\n", ruleExprUnclosed},
		{"open braces", with + `"${{ ` + strings.Repeat("{", 200_000) + "\" }\n", ruleExprUnclosed},
		{"parameters", head + "  params:\n    type: object\n    properties:\n" +
			repeat(2_100, "      p%d: { type: string }\n"), ruleParamsTooLarge},
		{"conditions", head + "  params:\n    type: object\n    properties:\n" +
			repeat(10, "      p%d: { type: boolean, default: false }\n") + "  steps:\n" +
			repeat(100, "    - id: s%d\n      uses: hash@1\n      when: "+heavyCondition()+"\n"), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d, found := Check("", []byte(test.src), probeStages())
			is := func(d Diagnostic) bool { return d.Rule == test.rule }
			if test.rule == "" && d == nil || test.rule != "" && !slices.ContainsFunc(found, is) {
				t.Errorf("want %q, got %.500s", test.rule, lines(found))
			}
		})
	}
}

// heavyCondition reads ten parameters and loops.
func heavyCondition() string {
	var b strings.Builder
	b.WriteString("(params.p0")
	for i := range 9 {
		fmt.Fprintf(&b, " || params.p%d", i+1)
	}
	b.WriteString(") && [1,2,3,4,5].all(x, [1,2,3,4,5].all(y, [1,2,3,4,5].all(z, x+y+z > 0)))")
	return b.String() + " && job.tenant == 'x'"
}
