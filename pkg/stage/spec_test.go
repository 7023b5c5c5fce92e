package stage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

type fake struct{ spec stage.Spec }

func (f fake) Spec() stage.Spec { return f.spec }

func (f fake) Run(context.Context, *stage.Task) (stage.Result, error) { return stage.Result{}, nil }

func goodSpec(name string, version int) stage.Spec {
	return stage.Spec{
		Name: name, Version: version, Logic: "1", Summary: "s", Guarantee: "g",
		Inputs: "i", Outputs: "o", Findings: map[string]string{"kind": "k", "sum.<n>": "s"},
		Faults: []string{"stage.no_input"}, Config: json.RawMessage(`{"type":"object"}`),
	}
}

func TestSpecCheck(t *testing.T) {
	t.Parallel()
	if err := goodSpec("copy", 1).Check(); err != nil {
		t.Fatal(err)
	}
	breaks := map[string]func(*stage.Spec){
		"name":      func(s *stage.Spec) { s.Name = "Copy.1" },
		"version":   func(s *stage.Spec) { s.Version = 0 },
		"logic":     func(s *stage.Spec) { s.Logic = "" },
		"summary":   func(s *stage.Spec) { s.Summary = " " },
		"guarantee": func(s *stage.Spec) { s.Guarantee = "" },
		"inputs":    func(s *stage.Spec) { s.Inputs = "" },
		"outputs":   func(s *stage.Spec) { s.Outputs = "" },
		"finding":   func(s *stage.Spec) { s.Findings = map[string]string{"kind": ""} },
		"fault":     func(s *stage.Spec) { s.Faults = []string{"no.such_fault"} },
		"schema":    func(s *stage.Spec) { s.Config = json.RawMessage(`true`) },
		"timeout":   func(s *stage.Spec) { s.Timeout = -1 },
		"slots":     func(s *stage.Spec) { s.Slots = -1 },
		"need":      func(s *stage.Spec) { s.Needs = []string{"s3:a", " "} },
		"twice":     func(s *stage.Spec) { s.Needs = []string{"s3:a", "s3:a"} },
	}
	for name, breakIt := range breaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := goodSpec("copy", 1)
			breakIt(&s)
			if err := s.Check(); !fault.Has(err, fault.StageBadSpec) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSpecDeclares(t *testing.T) {
	t.Parallel()
	s := goodSpec("copy", 1)
	for key, want := range map[string]bool{
		"kind": true, "sum.0": true, "sum.12": true,
		"sum": false, "sum.": false, "sum.x": false, "sum.-1": false, "kind.0": false, "": false,
	} {
		if got := s.Declares(key); got != want {
			t.Errorf("Declares(%q) = %v", key, got)
		}
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	one, two, other := fake{goodSpec("copy", 1)}, fake{goodSpec("copy", 2)}, fake{goodSpec("move", 1)}
	set, err := stage.NewSet(one, two, other)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := set.Find("copy@2"); err != nil || got.Spec().Version != 2 {
		t.Errorf("Find = %v, %v", got, err)
	}
	for _, ref := range []string{"", "copy", "copy@3", "copy@01", "nothing@1", strings.Repeat("x", 5000)} {
		if _, err := set.Find(ref); !fault.Has(err, fault.StageUnknown) {
			t.Errorf("Find(%.20q) = %v", ref, err)
		}
	}
	tests := []struct {
		names []string
		want  string
	}{
		{[]string{"copy"}, "copy@1 copy@2"},
		{[]string{"move", "copy@2"}, "copy@2 move@1"},
		{[]string{"copy@1", "copy"}, "copy@1 copy@2"},
		{nil, ""},
	}
	for _, tt := range tests {
		sub, err := set.Only(tt.names...)
		if err != nil {
			t.Fatal(err)
		}
		var refs []string
		for _, s := range sub.Specs() {
			refs = append(refs, s.Ref())
		}
		if diff := cmp.Diff(tt.want, strings.Join(refs, " ")); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := set.Only("copy", "copi"); !fault.Has(err, fault.StageUnknown) {
		t.Errorf("Only = %v", err)
	}
	if len(set.All()) != 3 {
		t.Errorf("All = %v", set.All())
	}
}

type closing struct {
	fake
	closed *int
}

func (c closing) Close() error {
	*c.closed++
	return fault.New(fault.FetchIO, "", nil)
}

func TestSetClose(t *testing.T) {
	t.Parallel()
	closed := 0
	set, err := stage.NewSet(fake{goodSpec("copy", 1)}, closing{fake{goodSpec("move", 1)}, &closed})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Close(); !fault.Has(err, fault.FetchIO) || closed != 1 {
		t.Errorf("closed %d, %v", closed, err)
	}
}

func TestNewSetRefuses(t *testing.T) {
	t.Parallel()
	one := fake{goodSpec("copy", 1)}
	if _, err := stage.NewSet(one, one); !fault.Has(err, fault.StageBadSpec) {
		t.Errorf("twice: %v", err)
	}
	if _, err := stage.NewSet(fake{}); !fault.Has(err, fault.StageBadSpec) {
		t.Errorf("empty spec: %v", err)
	}
}

func TestResultCheck(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("0a", 32)
	file := func(name string) events.File { return events.File{Name: name, Digest: digest} }
	findings := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint(i)] = strings.Repeat("v", stage.MaxFinding)
		}
		return m
	}
	good := []stage.Result{
		{},
		{Files: []events.File{file("a"), file("a")}, Findings: findings(stage.MaxFindings)},
		{Files: make([]events.File, 0, 3)},
		{Files: []events.File{{Name: "a", Digest: digest, Size: 1<<53 - 1, MediaType: strings.Repeat("m", stage.MaxMediaType)}}},
	}
	for i, r := range good {
		if err := r.Check(); err != nil {
			t.Errorf("good %d: %v", i, err)
		}
	}
	many := make([]events.File, stage.MaxFiles+1)
	for i := range many {
		many[i] = file("a")
	}
	bad := map[string]stage.Result{
		"files":     {Files: many},
		"name":      {Files: []events.File{file("../../etc/passwd")}},
		"no name":   {Files: []events.File{file("")}},
		"digest":    {Files: []events.File{{Name: "a", Digest: "sha256:xyz"}}},
		"size":      {Files: []events.File{{Name: "a", Digest: digest, Size: -1}}},
		"huge":      {Files: []events.File{{Name: "a", Digest: digest, Size: 1 << 53}}},
		"type":      {Files: []events.File{{Name: "a", Digest: digest, MediaType: strings.Repeat("m", 256)}}},
		"type in é": {Files: []events.File{{Name: "a", Digest: digest, MediaType: "text/é"}}},
		"findings":  {Findings: findings(stage.MaxFindings + 1)},
		"long":      {Findings: map[string]string{"k": strings.Repeat("v", stage.MaxFinding+1)}},
		"not UTF-8": {Findings: map[string]string{"k": "\xff"}},
		"no key":    {Findings: map[string]string{"": "v"}},
		"long key":  {Findings: map[string]string{strings.Repeat("k", 65): "v"}},
	}
	for name, r := range bad {
		if err := r.Check(); !fault.Has(err, fault.StageBadResult) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
