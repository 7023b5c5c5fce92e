package mill_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
)

// wide is a stage whose result takes about as many KiB of a record as its step says.
type wide struct{}

func (wide) Spec() stage.Spec {
	return stage.Spec{
		Name: "wide", Version: 1, Logic: "1", Summary: "Says much.", Guarantee: "None.", Inputs: "Any.", Outputs: "Many.",
		Config: []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"kib":{"type":"integer"}}}`),
	}
}

func (wide) Run(_ context.Context, t *stage.Task) (r stage.Result, err error) {
	var c struct {
		KiB int `json:"kib"`
	}
	if err := t.Config(&c); err != nil {
		return r, err
	}
	f := events.File{Digest: "sha256:" + strings.Repeat("0", 64)}
	for i := range c.KiB {
		f.Name = fmt.Sprintf("%03d%s", i, strings.Repeat("&", 165)) // six bytes each in JSON
		r.Files = append(r.Files, f)
	}
	return r, nil
}

// github.com/Netflix/conductor/issues/2323: a workflow whose output is above 10 MB is
// to be failed, but the failure would be stored with the output, which is refused
// again: the workflow stays RUNNING, and no listener is told. Here what cannot be
// recorded is left out of the failure, for which there is always room, and the job
// ends.
func TestStoryConductor2323OutputTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) { c.ExtraStages = []stage.Stage{wide{}} })
	for name, kib := range map[string]int{"no-message": 1000, "no-record": 600} {
		w.apply(name, fmt.Sprintf("    - { id: act, uses: simulate-effect@1 }\n    - { id: wide, uses: wide@1, with: { kib: %d } }\n", kib))
		j := w.final(w.accepted(name, inline(name, "content")))
		w.wantTakenBack(name, j, fault.JobTooLarge)
		if st := j.Steps["wide"]; st.State != events.StepFailed || st.Attempt != 1 || len(st.Files) > 0 {
			t.Errorf("%s: the step is %s after %d attempts, with %d files", name, st.State, st.Attempt, len(st.Files))
		}
	}

	// Steps that are not critical fill the record as far as they may, and then one fails
	// that has much to say.
	needs, steps := "act", "    - { id: act, uses: simulate-effect@1 }\n"
	for i, kib := range []int{480, 440, 240, 220, 120, 110, 60, 55, 30, 28, 15, 14, 8, 7, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1} {
		steps += fmt.Sprintf("    - { id: wide%d, uses: wide@1, critical: false, needs: [%s], with: { kib: %d } }\n", i, needs, kib)
		needs = fmt.Sprintf("act, wide%d", i)
	}
	w.apply("brim", steps+"    - { id: last, uses: simulate@1, needs: ["+needs+"], with: { fail: { class: data_quality, message: "+
		strings.Repeat("x", 200)+" } } }\n")
	j := w.final(w.accepted("brim", inline("brim", "content")))
	w.wantTakenBack("brim", j, fault.SimulateFailed)
	ends := map[string]int{}
	for _, st := range j.Steps {
		ends[string(st.State)]++
		if st.Fault != nil {
			ends[st.Fault.Code]++
		}
	}
	if ends[string(fault.JobTooLarge)] < 5 || ends["succeeded"] < 10 || ends["failed"]+ends["succeeded"] != len(j.Steps) {
		t.Errorf("the record was not filled: %v", ends)
	}
}

// transloadit.com/docs/robots/file-virusscan, the parameter use: an assembly with a step
// whose input never comes waits indefinitely. Here a pipeline that names such an input
// is refused, and a step whose input does not come, or comes empty, ends and says so.
func TestStoryTransloaditWaitsIndefinitely(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) { c.ExtraStages = []stage.Stage{wide{}} })
	src := pipelineFile("typo", "    - { id: upload, uses: hash@1 }\n    - { id: scanned, uses: hash@1, needs: [uplaod] }\n")
	_, _, err := w.mill.Pipelines().Apply(t.Context(), events.DefaultTenant, []byte(src))
	if !fault.Has(err, fault.PipelineInvalid) || !strings.Contains(err.Error(), "uplaod") {
		t.Errorf("a step that needs one that is not there: %v", err)
	}
	w.apply("scan", `
    - { id: nothing, uses: wide@1, with: { kib: 0 } }
    - { id: scanned, uses: hash@1, critical: false }
    - { id: sent, uses: hash@1 }
`)
	if _, p := w.submit("scan", events.Submission{Key: "empty", Files: []events.Source{}}); p == nil || p.Code != string(fault.SubmitNoFiles) {
		t.Errorf("a job without files: %+v", p)
	}
	j := w.final(w.accepted("scan", inline("one", "content")))
	scanned, sent := j.Steps["scanned"], j.Steps["sent"]
	if scanned.State != events.StepFailed || scanned.Fault == nil || scanned.Fault.Code != string(fault.StageNoInput) || scanned.Fault.Hint == "" {
		t.Errorf("a step without input is %s: %+v", scanned.State, scanned.Fault)
	}
	same(t, "the step behind it", []string{string(sent.State), sent.Reason}, []string{string(events.StepSkipped), flow.ReasonNeedsFailed})
	same(t, "the end", j.State, events.JobPartial)
	same(t, "missing", j.Missing, []string{"scanned", "sent"})
}
