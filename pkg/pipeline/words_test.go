package pipeline

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestDurations(t *testing.T) {
	t.Parallel()
	good := map[string]time.Duration{
		"1ms":                         time.Millisecond,
		"30s":                         30 * time.Second,
		"10m":                         10 * time.Minute,
		"1.5h":                        90 * time.Minute,
		"1h30m":                       90 * time.Minute,
		"7d":                          7 * 24 * time.Hour,
		"1d12h":                       36 * time.Hour,
		"0s":                          0,
		"0.5ms":                       500 * time.Microsecond,
		"99999d":                      99999 * 24 * time.Hour,
		strings.Repeat("9", 50) + "d": math.MaxInt64,
	}
	for text, want := range good {
		if got, ok := parseDuration(text); !ok || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "5", "s", "-1s", "+1s", "1 s", "1S", "1us", "1ns", "1h 30m",
		"1.s", ".5s", "1e3s", strings.Repeat("1s", 40),
	} {
		if got, ok := parseDuration(text); ok {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	candidates := []string{
		"needs", "when", "with", "timeout", "retry", "critical", "maxAttempts",
		"id",
	}
	tests := map[string]string{
		"need": "needs", "whne": "when", "wiht": "with", "time_out": "timeout", "Retry": "retry", "max_attempts": "maxAttempts",
		"critcal": "critical", "": "", "zebra": "", "x": "", "di": "id", strings.Repeat("a", 100): "",
	}
	for name, want := range tests {
		if got := nearest(name, candidates); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abcd", "badc", 2},
	}
	for _, test := range tests {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: got %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("%q, %q: got %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

func TestPlainScalars(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"": "null", "~": "null", "null": "null", "NULL": "null", "true": "true", "False": "false",
		"yes": `"yes"`, "on": `"on"`, "1_000": `"1_000"`, "12:30": `"12:30"`, "2026-01-01": `"2026-01-01"`, "0b1": `"0b1"`, "1.2.3": `"1.2.3"`,
		"5": "5", "-5": "-5", "+5": "5", "0": "0", "-0": "0", "0x1F": "31", "0o17": "15", "1.50": "1.50", "1e3": "1e3", ".5": "0.5", "1.": "1", "-.5e1": "-5",
		"9223372036854775807": "9223372036854775807",
	}
	for raw, want := range tests {
		n, bad := plainScalar(raw, position{})
		if got := string(appendNode(nil, n)); bad != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", raw, got, bad, want)
		}
		if !json.Valid(appendNode(nil, n)) {
			t.Errorf("%q is no JSON", raw)
		}
	}
	for _, raw := range []string{
		"007", "-01", "0644", "00.5", ".inf", "-.Inf", ".nan", "1e999",
		"99999999999999999999", "0xFFFFFFFFFFFFFFFFF",
	} {
		if _, bad := plainScalar(raw, position{}); bad == nil || bad.rule != ruleNumber {
			t.Errorf("%q: got %v", raw, bad)
		}
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	type seg = segment
	tests := []struct {
		text     string
		want     []segment
		unclosed int
	}{
		{"", nil, -1},
		{"abc", []seg{{text: "abc"}}, -1},
		{"${{ a }}", []seg{{" a ", true, 3}}, -1},
		{"é${{a}}b${{c}}", []seg{{text: "é"}, {"a", true, 4}, {text: "b"}, {"c", true, 11}}, -1},
		{"$${{ a }}", []seg{{text: "${{ a }}"}}, -1},
		{"$$${{ a }}", []seg{{text: "$${{ a }}"}}, -1},
		{"${{ {'a': {'b': 1}} }}", []seg{{" {'a': {'b': 1}} ", true, 3}}, -1},
		{"${{{'a':{'b':1}}}}", []seg{{"{'a':{'b':1}}", true, 3}}, -1},
		{"${{ '}}' }}", []seg{{" '}}' ", true, 3}}, -1},
		{`${{ "\"}}" }}`, []seg{{` "\"}}" `, true, 3}}, -1},
		{`${{ r'\' }}x`, []seg{{` r'\' `, true, 3}, {text: "x"}}, -1},
		{`${{ """a"b}}""" }}`, []seg{{` """a"b}}""" `, true, 3}}, -1},
		{"a ${{ b", []seg{{text: "a "}}, 2},
		{"${{ a }", nil, 0},
		{"${{ 'a }}", nil, 0},
	}
	for _, test := range tests {
		got, unclosed := segments(test.text)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(segment{})); diff != "" ||
			unclosed != test.unclosed {
			t.Errorf("%q: unclosed %d\n%s", test.text, unclosed, diff)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	golden(t, "RULES.md", string(RulesMarkdown()))
	form := regexp.MustCompile(`^MR1[0-9]{3}$`)
	last := ""
	for _, r := range Rules() {
		if !form.MatchString(r.ID) || r.ID <= last || r.Title == "" || !strings.HasSuffix(r.Text, ".") && !strings.HasSuffix(r.Text, "`") {
			t.Errorf("a strange rule after %s: %+v", last, r)
		}
		last = r.ID
	}
}

// TestEveryRuleIsShown finds every rule in the expected files of testdata/bad.
func TestEveryRuleIsShown(t *testing.T) {
	t.Parallel()
	shown := ""
	for _, path := range files(t, "bad") {
		shown += string(read(t, strings.TrimSuffix(path, ".yaml")+".txt"))
	}
	for _, r := range Rules() {
		if !strings.Contains(shown, ": "+r.ID+": ") {
			t.Errorf("no file of testdata/bad breaks %s, %s", r.ID, r.Title)
		}
	}
}

// TestEditorSchema accepts the good files and refuses those whose form is bad.
func TestEditorSchema(t *testing.T) {
	t.Parallel()
	var raw any
	if err := json.Unmarshal(EditorSchema(), &raw); err != nil {
		t.Fatal(err)
	}
	s, err := newSchema(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files(t, "good") {
		if err := validateFile(t, s.compiled, path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, name := range []string{"fields", "missing", "nospec", "names", "list", "manysteps"} {
		if err := validateFile(t, s.compiled, "testdata/bad/"+name+".yaml"); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func validateFile(t *testing.T, s *jsonschema.Schema, path string) error {
	t.Helper()
	src, bad := newSource(read(t, path))
	if bad != nil {
		t.Fatal(bad)
	}
	root := (&reader{report: &report{}, src: src}).read()
	if root == nil {
		t.Fatalf("%s cannot be read", path)
	}
	return s.Validate(root.value())
}
