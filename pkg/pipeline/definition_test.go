package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

func mustCheck(t testing.TB, path string) *Definition {
	t.Helper()
	d, found := Check(path, read(t, path), testStages())
	if d == nil {
		t.Fatal(lines(found))
	}
	return d
}

func TestDefinition(t *testing.T) {
	t.Parallel()
	const path = "testdata/good/archive.yaml"
	src := read(t, path)
	d := mustCheck(t, path)
	if d.Digest != DigestOf(src) || d.Plan.Digest != d.Digest || d.Plan.Name != d.Name ||
		string(d.Source) != string(src) {
		t.Errorf("the definition does not name its source: %s, %s", d.Digest, d.Plan.Digest)
	}
	if want := "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; DigestOf(nil) != want {
		t.Errorf("the digest of nothing is %s", DigestOf(nil))
	}
	labels := map[string]string{"team": "intake", "tier": "gold"}
	if diff := cmp.Diff(labels, d.Labels); diff != "" || d.Owner != "intake@example.com" ||
		!strings.HasPrefix(d.Description, "Keep") {
		t.Errorf("metadata: %q, %q\n%s", d.Owner, d.Description, diff)
	}
}

func TestParams(t *testing.T) {
	t.Parallel()
	d := mustCheck(t, "testdata/good/archive.yaml")
	tests := []struct{ params, want string }{
		{`{"customer":"C000001"}`, `{"customer":"C000001","level":"default","retention":"long","thumbnails":false}`},
		{`{"thumbnails":true,"customer":"C000001","level":"best"}`, `{"customer":"C000001","level":"best","retention":"long","thumbnails":true}`},
		{``, `/params: params lacks "customer" (add customer:)`},
		{`null`, `/params: params lacks "customer" (add customer:)`},
		{`[]`, `/params: the parameters are not an object ()`},
		{`{"customer":`, `/params: the parameters are not JSON ()`},
		{`{"customer":"C000001"} {}`, `/params: the parameters are not JSON ()`},
		{`{"customer":5}`, `/params/customer: params.customer is a number (it takes a string: put it in quotes)`},
		{
			`{"customer":"x","levle":"best","level":"bset"}`,
			`/params/levle: params has no field "levle" (did you mean level?)` + "\n" +
				`/params/customer: params.customer does not match the pattern ^C[0-9]{6}$ ()` + "\n" +
				`/params/level: params.level cannot be "bset" (did you mean best?)`,
		},
		{`{"customer":"C000001","a/b~c":1}`, `/params/a~1b~0c: params has no field "a/b~c" (it takes one of customer, level, retention, thumbnails)`},
		{`{"customer":"` + strings.Repeat("x", maxParams) + `"}`, `/params: the parameters have 65551 bytes, more than 65536 ()`},
		{`{"customer":[` + strings.Repeat("0,", maxValues) + `0]}`, `/params: the parameters have more than 5000 values ()`},
	}
	for _, test := range tests {
		got, problems := d.Params(json.RawMessage(test.params))
		text := string(got)
		var told []string
		for _, p := range problems {
			if p.Code != string(fault.SubmitBadParams) {
				t.Errorf("code %s", p.Code)
			}
			told = append(told, fmt.Sprintf("%s: %s (%s)", p.Pointer, p.Detail, p.Hint))
		}
		if len(told) > 0 {
			text = strings.Join(told, "\n")
		}
		if diff := cmp.Diff(test.want, text); diff != "" {
			t.Errorf("%.60s (-want +got):\n%s", test.params, diff)
		}
		if diff := cmp.Diff(problems, d.CheckParams(json.RawMessage(test.params))); diff != "" {
			t.Errorf("CheckParams tells something else:\n%s", diff)
		}
	}
}

func TestNoParams(t *testing.T) {
	t.Parallel()
	d := mustCheck(t, "testdata/good/minimal.yaml")
	if got, problems := d.Params(nil); string(got) != "{}" || len(problems) > 0 {
		t.Errorf("no parameters: %s, %v", got, problems)
	}
	if problems := d.CheckParams(json.RawMessage(`{"a":1}`)); len(problems) != 1 ||
		problems[0].Detail != "the pipeline takes no parameters" {
		t.Errorf("needless parameters: %v", problems)
	}
}

// TestNestedDefaults fills objects inside objects.
func TestNestedDefaults(t *testing.T) {
	t.Parallel()
	d := mustCheck(t, "testdata/good/expressions.yaml")
	got, problems := d.Params(json.RawMessage(`{"address":{"city":"Pisa"},"anything":[1]}`))
	want := `{"address":{"city":"Pisa","zip-code":"00100"},"anything":[1],"count":3,"open":{"a":1},"ratio":0.5,"tags":[]}`
	if diff := cmp.Diff(want, string(got)); diff != "" || len(problems) > 0 {
		t.Errorf("%v\n%s", problems, diff)
	}
	again, problems := d.Params(nil)
	want = `{"address":{"city":"Rome","zip-code":"00100"},"anything":null,"count":3,"open":{"a":1},"ratio":0.5,"tags":[]}`
	if diff := cmp.Diff(want, string(again)); diff != "" || len(problems) > 0 {
		t.Errorf("the schema's own defaults were changed: %v\n%s", problems, diff)
	}
}

func TestManyProblems(t *testing.T) {
	t.Parallel()
	d := mustCheck(t, "testdata/good/expressions.yaml")
	problems := d.CheckParams(json.RawMessage(`{"tags":[` + strings.Repeat("1,", 1000) + `1]}`))
	if len(problems) != maxProblems {
		t.Errorf("%d problems", len(problems))
	}
}

func TestCheckFiles(t *testing.T) {
	t.Parallel()
	archive := mustCheck(t, "testdata/good/archive.yaml")
	minimal := mustCheck(t, "testdata/good/minimal.yaml")
	byURL, byDigest := events.Source{URL: "https://example.com/a"}, events.Source{Digest: "sha256:aa"}
	tests := []struct {
		name  string
		d     *Definition
		files []events.Source
		want  []string
	}{
		{"fetched", archive, []events.Source{byURL, byDigest}, nil},
		{"none", archive, nil, []string{"/files submit.no_files"}},
		{"many", archive, make([]events.Source, 21), []string{"/files submit.file_count"}},
		{"not fetched", minimal, []events.Source{byDigest, byURL, {Inline: []byte("x")}}, []string{"/files/1/url submit.needs_fetch"}},
		{"unbounded", minimal, []events.Source{byDigest, byDigest}, nil},
	}
	for _, test := range tests {
		var got []string
		for _, p := range test.d.CheckFiles(test.files) {
			if p.Detail == "" || p.Hint == "" {
				t.Errorf("%s: a problem says too little: %+v", test.name, p)
			}
			got = append(got, p.Pointer+" "+p.Code)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
	few := strings.Replace(string(read(t, "testdata/good/archive.yaml")), "min: 1", "min: 3", 1)
	d, found := Check("", []byte(few), testStages())
	if d == nil {
		t.Fatal(lines(found))
	}
	if p := d.CheckFiles([]events.Source{byURL}); len(p) != 1 ||
		p[0].Detail != "the pipeline takes at least 3 files, not 1" {
		t.Errorf("too few: %v", p)
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	if _, err := Compile(read(t, "testdata/good/archive.yaml"), testStages()); err != nil {
		t.Fatal(err)
	}
	_, err := Compile(read(t, "testdata/bad/impossible.yaml"), testStages())
	var invalid *Invalid
	if !fault.Has(err, fault.PipelineInvalid) || !errors.As(err, &invalid) {
		t.Fatalf("got %v", err)
	}
	first := "25:28: MR1069: when of step a: params.mode can never be \"quik\" (did you mean quick?)"
	if len(invalid.Diagnostics) < 20 || !strings.HasPrefix(invalid.Error(), first+"\n") ||
		strings.Contains(invalid.Error(), "warning") {
		t.Errorf("got %d diagnostics, %s", len(invalid.Diagnostics), invalid)
	}
	problems := ProblemErrors(invalid.Diagnostics[:1])
	want := []events.ProblemError{{
		Pointer: "25:28",
		Code:    "MR1069",
		Detail:  `when of step a: params.mode can never be "quik"`,
		Hint:    "did you mean quick?",
	}}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}

func TestWarningsAreNoErrors(t *testing.T) {
	t.Parallel()
	src := strings.Replace(string(read(t, "testdata/good/minimal.yaml")), "uses: hash@1",
		"uses: hash@1\n      when: true", 1)
	d, found := Check("w.yaml", []byte(src), testStages())
	want := "w.yaml:9:13: MR1070: warning: when of step hash is always true (leave it out)\n"
	if d == nil || lines(found) != want {
		t.Errorf("got %v and %s", d != nil, lines(found))
	}
	if _, err := Compile([]byte(src), testStages()); err != nil {
		t.Error(err)
	}
}
