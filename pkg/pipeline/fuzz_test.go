package pipeline

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
)

// FuzzCheck checks any file: no panic, the same answer twice, every place inside
// the file, and a definition exactly when there is no error.
func FuzzCheck(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		for _, path := range files(f, folder) {
			f.Add(read(f, path))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		stages := testStages()
		d, found := Check("f", src, stages)
		again, repeated := Check("f", src, stages)
		if diff := cmp.Diff(found, repeated); diff != "" || (d == nil) != (again == nil) {
			t.Fatalf("another answer the second time:\n%s", diff)
		}
		if (d == nil) != hasErrors(found) {
			t.Fatalf("definition %v with\n%s", d != nil, lines(found))
		}
		known := map[string]bool{}
		for _, r := range Rules() {
			known[r.ID] = true
		}
		for _, x := range found {
			if !known[x.Rule] || x.Line < 1 || x.Column < 1 || x.Message == "" ||
				!utf8.ValidString(x.String()) {
				t.Errorf("a strange diagnostic: %+v", x)
			}
			if Excerpt(src, x) == "" {
				t.Errorf("no line %d for %s", x.Line, x)
			}
		}
		if d != nil {
			evaluate(t, d)
		}
	})
}

// evaluate runs everything that a file was compiled to.
func evaluate(t *testing.T, d *Definition) {
	t.Helper()
	facts := evalFacts(`{}`)
	for _, s := range d.Plan.Steps {
		if s.When != nil {
			if _, err := s.When.Eval(facts); err != nil && !fault.Has(err, fault.PipelineExpressionFailed) {
				t.Errorf("when: %v", err)
			}
		}
		if s.With != nil {
			out, err := s.With.Resolve(facts)
			if err == nil && !json.Valid(out) {
				t.Errorf("with gave %s", out)
			}
		}
	}
	for _, o := range d.Plan.Outputs {
		if _, err := o.Value.Files(facts); err != nil && !fault.Has(err, fault.PipelineExpressionFailed) {
			t.Errorf("output: %v", err)
		}
	}
	d.CheckParams(json.RawMessage(`{"a":[1,{"b":null}]}`))
}

// FuzzExpression checks any text where an expression stands.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		`params.count > 1`, `files.exists(f, f.name == 'x')`, `steps.first.state == 'succeeded'`, `{'a': [1]}.a[0]`,
		`a ? b : c`, `"}}"`, `r'}}'`, `'''x'''`, `[1,2].map(x, x*2)`, "params.`x`", `b'a' == b"\x00"`, `1u + 2u`, `has(params.object.n)`,
		`'a'.replace('a','b').split('').join('c')`, `dyn(files)[0].name`, `type(1) == int`, `duration('1s')`, `-9223372036854775808`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		quoted, err := json.Marshal("${{ " + expr + " }}")
		if err != nil {
			t.Fatal(err)
		}
		when, err := json.Marshal(expr)
		if err != nil {
			t.Fatal(err)
		}
		src := []byte(evalFile + "      with: { v: " + string(quoted) + " }\n      when: " +
			string(when) + "\n")
		d, found := Check("f", src, probeStages())
		if (d == nil) != hasErrors(found) {
			t.Fatalf("definition %v with\n%s", d != nil, lines(found))
		}
		if d != nil {
			evaluate(t, d)
		}
	})
}

// FuzzParams checks any parameters against a schema of some size.
func FuzzParams(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `[]`, `{"text":1}`, `{"list":[1,2]}`,
		`{"object":{"x":"y"}}`, `{"count":1e400}`, `{"a":1}{}`,
	} {
		f.Add([]byte(seed))
	}
	d, found := Check("f", []byte(evalFile), probeStages())
	if d == nil {
		f.Fatal(lines(found))
	}
	f.Fuzz(func(t *testing.T, params []byte) {
		resolved, problems := d.Params(params)
		if len(problems) > 0 {
			return
		}
		again, problems := d.Params(resolved)
		if len(problems) > 0 || string(again) != string(resolved) {
			t.Errorf("resolved parameters are not stable: %s, %s, %v", resolved, again, problems)
		}
	})
}
