package api

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

func TestJobQueryRoundTrip(t *testing.T) {
	t.Parallel()
	for _, q := range []JobQuery{
		{},
		{States: []events.JobState{events.JobRunning, events.JobFailed}, Pipeline: "p", Limit: 500, Cursor: "a/b"},
		{Labels: map[string]string{"a.b": "=&", "": ""}},
	} {
		got, err := ParseJobQuery(q.Values())
		if q.Labels != nil {
			if _, empty := q.Labels[""]; empty {
				if !fault.Has(err, fault.HTTPBadRequest) {
					t.Errorf("a label without a name: %v", err)
				}
				continue
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(q, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

func TestStatesAreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[events.JobState]bool{}
	for _, s := range States() {
		if seen[s] {
			t.Errorf("%s is there twice", s)
		}
		seen[s] = true
	}
	if len(seen) != 12 {
		t.Errorf("%d states", len(seen))
	}
}

func FuzzParseJobQuery(f *testing.F) {
	f.Add("state=running,failed&state=waiting&pipeline=keep&label.k=v&limit=7&cursor=x")
	f.Add("limit=0")
	f.Add("label.=x")
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, err := ParseJobQuery(values)
		if err != nil {
			if !fault.Has(err, fault.HTTPBadRequest) {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		again, err := ParseJobQuery(q.Values())
		if err != nil || cmp.Diff(q, again) != "" {
			t.Fatalf("%q: %+v, then %+v %v", raw, q, again, err)
		}
	})
}

func TestParams(t *testing.T) {
	t.Parallel()
	schema := json.RawMessage(`{"properties":{
		"n":{"type":"integer"},"s":{"type":"string"},"b":{"type":["boolean","null"]},
		"either":{"type":["integer","string"]},"any":{},"odd":{"type":7}}}`)
	for _, c := range []struct {
		schema json.RawMessage
		in     map[string]string
		want   string
	}{
		{schema, nil, ""},
		{
			schema,
			map[string]string{"n": "3", "s": "3", "b": "true", "either": "3", "any": "3", "odd": "3", "new": "3"},
			`{"any":"3","b":true,"either":"3","n":3,"new":"3","odd":"3","s":"3"}`,
		},
		{schema, map[string]string{"b": "null"}, `{"b":null}`},
		{nil, map[string]string{"n": "3"}, `{"n":"3"}`},
		{json.RawMessage(`rubbish`), map[string]string{"n": "3"}, `{"n":"3"}`},
		{json.RawMessage(`true`), map[string]string{"n": "3"}, `{"n":"3"}`},
	} {
		got, err := Params(c.schema, c.in)
		if err != nil || string(got) != c.want {
			t.Errorf("%v: %s %v, want %s", c.in, got, err, c.want)
		}
	}
	if _, err := Params(schema, map[string]string{"n": "many"}); !fault.Has(err, fault.SubmitBadParams) {
		t.Errorf("not a number: %v", err)
	}
}
