package ts_test

import (
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

func testLists(t *testing.T, w *world) {
	before := len(w.line.requests("GET", "/v1/jobs"))
	got := play[struct {
		Jobs, Found, July []string
		Labelled          string
	}](w, "lists")
	var want []string
	for item, err := range w.golang.Jobs(t.Context(), api.JobQuery{Pipeline: "maker", States: []events.JobState{events.JobCompleted, events.JobFailed}, Sort: "oldest"}) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, item.ID)
	}
	same(t, "jobs", got.Found, want)
	same(t, "those with a label", got.July, []string{got.Labelled})
	pages := 0
	for _, r := range w.line.requests("GET", "/v1/jobs")[before:] {
		if r.path == "/v1/jobs" {
			pages++
		}
	}
	if pages < 4 || len(want) < 6 {
		t.Errorf("%d jobs on %d pages", len(want), pages)
	}
}

func testPipelines(t *testing.T, w *world) {
	good := source("new", "    - { id: one, uses: simulate@1 }\n")
	bad := source("new", "    - { id: one, uses: nothing@1 }\n")
	got := play[struct {
		Applied, Again   api.Applied
		Diagnostics      []api.Diagnostic
		Refused          failure
		Source           string
		Names            []string
		Versions, Stages int
	}](w, "pipelines", good, bad)
	same(t, "applied", []any{got.Applied.Name, got.Applied.Created, got.Again.Created, got.Versions}, []any{"new", true, false, 1})
	same(t, "source", got.Source, good)
	same(t, "names", got.Names, []string{"endless", "maker", "new", "shy"})
	same(t, "code", got.Refused.Code, string(fault.PipelineInvalid))
	checked, err := w.golang.CheckPipeline(t.Context(), "bad.yaml", []byte(bad))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "complaints", got.Diagnostics, checked.Diagnostics)
	same(t, "pointers", len(got.Refused.Pointers), len(checked.Diagnostics))
	stages, err := w.golang.Stages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "stages", got.Stages, len(stages))
}

func testTrouble(t *testing.T, w *world) {
	got := play[struct {
		Unknown, Unreachable                  failure
		Waited, Watching, Timeout, Web, Proxy string
		Tried, Busy                           int
		Pause                                 float64
		Configs                               []string
	}](w, "trouble")
	for _, f := range []struct {
		got  failure
		code fault.Code
	}{{got.Unknown, fault.JobNotFound}, {got.Unreachable, fault.ClientUnreachable}} {
		info := f.code.Info()
		same(t, "what an error says", []any{f.got.Code, f.got.Class, f.got.Hint, f.got.Status},
			[]any{string(info.Code), string(info.Class), info.Hint, info.Status})
	}
	same(t, "retryable", []bool{got.Unknown.Retryable, got.Unreachable.Retryable}, []bool{false, true})
	same(t, "tries", got.Tried, 2)
	same(t, "codes", []string{got.Waited, got.Watching, got.Timeout, got.Web, got.Proxy}, []string{
		string(fault.ClientUnreachable), string(fault.ClientUnreachable), "TimeoutError",
		string(fault.ClientBadAnswer), string(fault.ClientUnreachable),
	})
	if got.Busy != 2 || got.Pause < 990 {
		t.Errorf("asked %d times, %v ms apart, though the server wants a second", got.Busy, got.Pause)
	}
	same(t, "configs", got.Configs, []string{
		string(fault.ClientUnreachable), string(fault.ClientUnreachable), string(fault.HTTPBadRequest), string(fault.AuthInvalid),
	})
}
