package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// evalFacts are the facts of a job halfway through.
func evalFacts(params string) flow.Facts {
	in := []events.File{
		{Name: "a.pdf", Digest: "sha256:aa", Size: 10, MediaType: "application/pdf"},
		{Name: "b.txt", Digest: "sha256:bb", Size: 20},
	}
	return flow.Facts{
		Step:  "probe",
		Files: in,
		Job: &events.Job{
			ID:       "job1",
			Tenant:   "acme",
			Pipeline: events.PipelineRef{Name: "p"},
			Labels:   map[string]string{"z": "1", "a": "2", "m": "3"},
			Params:   json.RawMessage(params),
			Steps: map[string]events.Step{
				"first": {
					State:    events.StepSucceeded,
					Attempt:  2,
					Files:    in[:1],
					Findings: map[string]string{"media_type": "application/pdf"},
				},
			},
		},
	}
}

const evalFile = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata: { name: p }
spec:
  params:
    type: object
    properties:
      text: { type: string, default: hello, maxLength: 100000 }
      count: { type: integer, default: 7 }
      ratio: { type: number, default: 2 }
      list: { type: array, items: { type: integer }, default: [3, 1, 2], maxItems: 100 }
      object: { type: object, default: {}, properties: { x: { type: string, default: y }, n: { type: number } } }
      map: { type: object, additionalProperties: { type: string }, default: { b: x, a: y } }
      any: {}
      gone: { type: string }
      open: { type: object, additionalProperties: true, properties: { k: { type: string } }, default: { k: v, extra: [1] } }
  steps:
    - id: first
      uses: fetch@1
    - id: probe
      uses: any@1
`

// compileProbe compiles evalFile with a line added to step probe.
func compileProbe(t testing.TB, line string) *flow.Step {
	t.Helper()
	stages := probeStages()
	d, found := Check("probe", []byte(evalFile+"      "+line+"\n"), stages)
	if d == nil {
		t.Fatalf("%s: %s", line, lines(found))
	}
	return &d.Plan.Steps[1]
}

func TestResolve(t *testing.T) {
	t.Parallel()
	tests := []struct{ params, expr, want string }{
		{``, `plain`, `"plain"`},
		{``, `$${{ params.text }}`, `"${{ params.text }}"`},
		{``, `${{ params.text }}`, `"hello"`},
		{`{"text":"é<&>\n"}`, `${{ params.text }}`, `"é<&>\n"`},
		{``, `a ${{ params.text }} ${{ params.count }} ${{ params.ratio }} b`, `"a hello 7 2 b"`},
		{``, `${{ params.list }}:${{ params.map }}`, `"[3,1,2]:{\"a\":\"y\",\"b\":\"x\"}"`},
		{``, `${{ params.count + 1 }}`, `8`},
		{``, `${{ params.ratio / 4.0 }}`, `0.5`},
		{`{"ratio":3}`, `${{ params.ratio + 0.5 }}`, `3.5`},
		{`{"count":3.0}`, `${{ params.count * 2 }}`, `6`},
		{``, `${{ params.count > 5 }}`, `true`},
		{``, `${{ params.object }}`, `{"x":"y"}`},
		{`{"object":{"n":1}}`, `${{ params.object }}`, `{"n":1,"x":"y"}`},
		{``, `${{ has(params.object.n) ? params.object.n : -1.0 }}`, `-1`},
		{``, `${{ params.open.extra[0] }}`, `1`},
		{``, `${{ params.open }}`, `{"extra":[1],"k":"v"}`},
		{``, `${{ has(params.open.nope) }}`, `false`},
		{`{"any":{"deep":[1,2.5,"x",null,true]}}`, `${{ params.any.deep }}`, `[1,2.5,"x",null,true]`},
		{`{"any":{"b":1,"a":2}}`, `${{ params.any.map(k, k) }}`, `["a","b"]`},
		{``, `${{ null }}`, `null`},
		{``, `${{ {"b": 1, "a": {"c": [1.5]}} }}`, `{"a":{"c":[1.5]},"b":1}`},
		{``, `${{ {"b": 1, "a": 2}.map(k, k) }}`, `["a","b"]`},
		{``, `${{ b"hi" }}`, `"aGk="`},
		{``, `${{ duration("90s") }}`, `"90s"`},
		{``, `${{ job.labels }}`, `{"a":"2","m":"3","z":"1"}`},
		{``, `${{ job.labels.map(k, k + job.labels[k]) }}`, `["a2","m3","z1"]`},
		{``, `${{ job.tenant + "/" + job.id + "/" + job.pipeline }}`, `"acme/job1/p"`},
		{``, `${{ files }}`, `[{"name":"a.pdf","digest":"sha256:aa","size":10,"media_type":"application/pdf"},{"name":"b.txt","digest":"sha256:bb","size":20,"media_type":""}]`},
		{``, `${{ files.filter(f, f.media_type == "").map(f, f.name) }}`, `["b.txt"]`},
		{``, `${{ files[0] == steps.first.files[0] }}`, `true`},
		{``, `${{ files[0] in steps.first.files }}`, `true`},
		{``, `${{ files[1] == steps.first.files[0] }}`, `false`},
		{``, `${{ steps.first.state + string(steps.first.attempt) }}`, `"succeeded2"`},
		{``, `${{ steps.first.findings.media_type }}`, `"application/pdf"`},
		{``, `${{ "x" in steps.first.findings }}`, `false`},
		{``, `${{ dyn(files)[0].name }}`, `"a.pdf"`},
		{``, `${{ has(dyn(files)[0].nope) }}`, `false`},
	}
	for _, test := range tests {
		t.Run(test.expr, func(t *testing.T) {
			t.Parallel()
			quoted, err := json.Marshal(test.expr)
			if err != nil {
				t.Fatal(err)
			}
			step := compileProbe(t, "with: { v: "+string(quoted)+" }")
			got, err := step.With.Resolve(evalFacts(test.params))
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"v":` + test.want + `}`; want != string(got) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// TestResolveWhole keeps what is no expression as the file has it.
func TestResolveWhole(t *testing.T) {
	t.Parallel()
	step := compileProbe(t,
		`with: { z: 1.50, a: [true, null, 0x1F, 1e3, "é"], m: { k: "${{ params.count }}", j: -7 } }`)
	got, err := step.With.Resolve(evalFacts(``))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"z":1.50,"a":[true,null,31,1e3,"é"],"m":{"k":7,"j":-7}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	got[0] = 'x'
	again, err := step.With.Resolve(evalFacts(``))
	if err != nil || string(again) != want {
		t.Errorf("the template was changed by its caller: %s, %v", again, err)
	}
}

func TestExpressionFails(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	tests := []struct{ name, params, expr, want string }{
		{"absent", ``, `${{ params.gone }}`, "gone is not set"},
		{"absent in text", ``, `x${{ params.gone }}`, "gone is not set"},
		{"key", ``, `${{ steps.first.findings.nope }}`, "no such key"},
		{"index", ``, `${{ files[5].name }}`, "index out of bounds"},
		{"division", ``, `${{ params.count / 0 }}`, "division by zero"},
		{"overflow", `{"count":9223372036854775807}`, `${{ params.count + 1 }}`, "overflow"},
		{"not finite", ``, `${{ params.ratio / 0.0 }}`, "not finite"},
		{"key type", ``, `${{ {1: 2} }}`, "has no JSON"},
		{"type", ``, `${{ type(1) }}`, "has no JSON"},
		{"dynamic type", `{"any":"x"}`, `${{ params.any.foo + 1 }}`, ""},
		{"broken params", `[1]`, `${{ params.text }}`, "not an object"},
		{"broken json", `{`, `${{ params.text }}`, "not JSON"},
		{"too big an int", `{"count":1e30}`, `${{ params.count }}`, "64 bits"},
		{"too deep", `{"any":` + deep + `}`, `${{ params.any }}`, "too large"},
		{"dynamic field", ``, `${{ dyn(files)[0].nope }}`, "there is no nope"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			step := compileProbe(t, `with: { v: "`+strings.ReplaceAll(test.expr, `"`, `\"`)+`" }`)
			got, err := step.With.Resolve(evalFacts(test.params))
			if !fault.Has(err, fault.PipelineExpressionFailed) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %s and %v, want a failure that says %q", got, err, test.want)
			}
			if !strings.Contains(err.Error(), "with.v of step probe, line 22") {
				t.Errorf("the failure does not say where: %v", err)
			}
		})
	}
}

func TestWhen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		params, when string
		want         bool
	}{
		{``, `params.count == 7`, true},
		{`{"count":8}`, `params.count == 7`, false},
		{`{"count":8}`, `params.count < 8.5`, true},
		{``, `has(params.gone)`, false},
		{`{"gone":"x"}`, `has(params.gone) && params.gone == 'x'`, true},
		{``, `files.exists(f, f.name.endsWith('.pdf'))`, true},
		{``, `params.list.all(i, i > 1)`, false},
		{``, `job.labels.a == '2'`, true},
		{``, `'a' in params.map`, true},
		{`{"any":true}`, `params.any`, true},
		{`{"any":[1]}`, `params.any == [1]`, true},
		{`{"any":{"a":1.0}}`, `params.any == {'a': 1}`, true},
		{`{"object":{"n":2}}`, `params.object.n == 2.0`, true},
	}
	for _, test := range tests {
		t.Run(test.when, func(t *testing.T) {
			t.Parallel()
			step := compileProbe(t, `when: "`+test.when+`"`)
			got, err := step.When.Eval(evalFacts(test.params))
			if err != nil || got != test.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestWhenFails(t *testing.T) {
	t.Parallel()
	step := compileProbe(t, `when: params.any`)
	for _, params := range []string{``, `{"any":1}`, `{"any":"true"}`, `{"any":null}`} {
		if got, err := step.When.Eval(evalFacts(params)); !fault.Has(err,
			fault.PipelineExpressionFailed) {
			t.Errorf("%s: got %v, %v", params, got, err)
		}
	}
	if got, err := step.When.Eval(flow.Facts{}); !fault.Has(err, fault.PipelineExpressionFailed) {
		t.Errorf("without a job: got %v, %v", got, err)
	}
}

// TestLimits evaluates what is within the estimate for what a job usually has, on
// far more than that.
func TestLimits(t *testing.T) {
	t.Parallel()
	many := evalFacts(``)
	many.Files = make([]events.File, 1_000_000)
	for i := range many.Files {
		many.Files[i].Name = fmt.Sprint(i)
	}
	step := compileProbe(t, `when: "files.all(f, f.name != 'x')"`)
	if got, err := step.When.Eval(many); !fault.Has(err, fault.PipelineExpressionFailed) ||
		!strings.Contains(err.Error(), "cost") {
		t.Errorf("a million files: %v, %v", got, err)
	}
	step = compileProbe(t, `with: { v: "${{ files }}" }`)
	if got, err := step.With.Resolve(many); !fault.Has(err, fault.PipelineExpressionFailed) {
		t.Errorf("a million files: %d bytes, %v", len(got), err)
	}
	step = compileProbe(t,
		`with: { v: "${{ params.text }}", w: "${{ params.text }}", x: "${{ params.text }}" }`)
	long := evalFacts(`{"text":"` + strings.Repeat("x", 100_000) + `"}`)
	if got, err := step.With.Resolve(long); !fault.Has(err, fault.PipelineExpressionFailed) {
		t.Errorf("a long configuration: %d bytes, %v", len(got), err)
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	src := evalFile + `  outputs:
    all: "${{ steps.first.files }}"
    none: "${{ steps.first.files.filter(f, f.size > 100) }}"
    twice: "${{ steps.first.files + steps.first.files }}"
    one: "${{ steps.first.files[0] }}"
    maybe: "${{ params.any }}"
    gone: "${{ steps.first.files[9] }}"
`
	stages := probeStages()
	d, found := Check("", []byte(src), stages)
	if d == nil {
		t.Fatal(lines(found))
	}
	f := evalFacts(`{"any":[1]}`)
	first := f.Job.Steps["first"].Files
	want := map[string][]events.File{
		"all": first, "none": nil, "twice": {first[0], first[0]},
		"one": first,
	}
	for _, o := range d.Plan.Outputs {
		got, err := o.Value.Files(f)
		expected, ok := want[o.Name]
		if !ok {
			if !fault.Has(err, fault.PipelineExpressionFailed) {
				t.Errorf("%s: got %v, %v", o.Name, got, err)
			}
			continue
		}
		if diff := cmp.Diff(expected, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", o.Name, err, diff)
		}
	}
}
