package pipeline

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestUsualExpressions are within the limits of cost without any thought.
func TestUsualExpressions(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{
		`files.map(f, f.name).join(',')`,
		`files.filter(f, f.size > 5)[0].name.matches('^a.*b$') ? 'x' : 'y'`,
		`steps.first.files[0].name.replace('.pdf', '.txt')`,
		`params.short.split(',').exists(x, x == 'a')`,
		`(params.short + '/' + params.short).lowerAscii()`,
		`job.labels['team'] + '-x'`,
		`params.list.map(x, string(x)).join('/')`,
		`params.count > 1 ? 'a' : params.text`,
		`params.text.startsWith('a') || params.text.contains('b') || params.text == 'c'`,
		`params.text.size() > 5 && params.text.substring(0, 3) == 'abc'`,
		`params.any.size() > 1 && 'x' in params.any`,
		`params.any.exists(x, x == 'y')`,
		`params.tags.exists(t, t == 'x')`,
		`params.tags.exists(t, t.startsWith('x'))`,
		`params.map.all(k, params.map[k] != '')`,
		`'in/' + job.tenant + '/' + files[0].name.upperAscii().trim()`,
		`steps.first.findings.all(k, steps.first.findings[k].size() < 10)`,
		`files.all(f, f.media_type in ['application/pdf', 'image/png', 'image/jpeg'])`,
		`string(files.size()) + ' files'`,
		`string(params.ratio) + string(params.count > 1) + string(duration('1s'))`,
		`files.exists(f, steps.first.files.size() > 0 && f.name == steps.first.files[0].name)`,
		`params.short.indexOf('x') >= 0 && params.short.lastIndexOf('y') < 3 && params.short.charAt(0) == 'z'`,
	} {
		t.Run(expr, func(t *testing.T) {
			t.Parallel()
			if found := checkProbe(t, expr); len(found) > 0 {
				t.Error(lines(found))
			}
		})
	}
}

// TestCostlyExpressions are refused with the file.
func TestCostlyExpressions(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{
		`params.text.replace('a', params.text)`,
		`params.text.split('').map(x, params.text).join('')`,
		`params.any.map(x, params.any.map(y, params.any))`,
		`files.map(f, files.map(g, f.name + g.name)).size() > 1`,
		`params.text.matches(params.text)`,
		`'aaaaaaaaaa'` + strings.Repeat(`.replace('a', 'aaaaaaaaaa')`, 12),
		`files.map(f, files.map(g, files))`,
		`[1,2,3].map(a, [1,2,3].map(b, files.map(c, files.map(d, c))))`,
		`files.map(f, params.text).join('')`,
	} {
		t.Run(expr, func(t *testing.T) {
			t.Parallel()
			found := checkProbe(t, expr)
			if len(found) != 1 || found[0].Rule != ruleExprCost {
				t.Errorf("want %s, got %s", ruleExprCost, lines(found))
			}
		})
	}
}

// checkProbe checks evalFile with an expression in step probe.
func checkProbe(t *testing.T, expr string) []Diagnostic {
	t.Helper()
	src := strings.Replace(evalFile, "      gone:", `      short: { type: string, maxLength: 100, default: "" }
      tags: { type: array, items: { type: string }, maxItems: 100, default: [] }
      gone:`, 1)
	src = strings.Replace(src, "any: {}", "any: { default: null }", 1)
	quoted, err := json.Marshal("${{ " + expr + " }}")
	if err != nil {
		t.Fatal(err)
	}
	_, found := Check("probe", []byte(src+"      with: { v: "+string(quoted)+" }\n"), probeStages())
	return found
}

// probeStages are the test stages and one that takes any configuration.
func probeStages() []Stage {
	return append(testStages(), Stage{Name: "any", Version: 1, Config: json.RawMessage(`{}`)})
}
