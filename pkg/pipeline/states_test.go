package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// watcher is a condition that looks at the states that its step can read.
type watcher struct {
	reader *step
	answer bool
	look   func(reader *step, f flow.Facts)
}

func (w watcher) Eval(f flow.Facts) (bool, error) {
	w.look(w.reader, f)
	return w.answer, nil
}

// TestStatesAsTheyCome runs random pipelines through package flow: a step finds
// what is upstream of it only in states that a check takes for possible.
func TestStatesAsTheyCome(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &checker{report: &report{}, stages: testStages(), schemas: map[string]*schema{}}
		src := drawPipeline(t)
		d := c.file([]byte(src))
		if hasErrors(c.found) {
			t.Fatalf("%s\n%s", src, lines(c.found))
		}
		for i := range d.Plan.Steps {
			s := &d.Plan.Steps[i]
			reader := c.steps[slices.IndexFunc(c.steps, func(x *step) bool { return x.id == s.ID })]
			answer := s.When == nil || rapid.Bool().Draw(t, "when of "+s.ID)
			s.When = watcher{reader, answer, func(reader *step, f flow.Facts) {
				x := &inspection{checker: c, reader: reader}
				for _, up := range reader.upstream {
					state := string(f.Job.Steps[up.id].State)
					if possible := x.statesOf(up.id); !slices.Contains(possible, state) {
						t.Fatalf("%s finds %s %s, which is none of %v\n%s", reader.id, up.id, state, possible, src)
					}
				}
			}}
		}
		run(t, d.Plan)
	})
}

// drawPipeline writes a pipeline of some steps.
func drawPipeline(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("apiVersion: millrace.dev/v1\nkind: Pipeline\nmetadata: { name: p }\nspec:\n  steps:\n")
	for i := range rapid.IntRange(2, 6).Draw(t, "steps") {
		var needs []string
		for j := range i {
			if rapid.Bool().Draw(t, "need") {
				needs = append(needs, fmt.Sprintf("s%d", j))
			}
		}
		fmt.Fprintf(&b, "    - { id: s%d, uses: hash@1, needs: [%s], critical: %t", i,
			strings.Join(needs, ", "), rapid.Bool().Draw(t, "critical"))
		if rapid.Bool().Draw(t, "when") {
			b.WriteString(`, when: job.tenant == "x"`)
		}
		b.WriteString(" }\n")
	}
	return b.String()
}

// run takes a job to its end with random outcomes.
func run(t *rapid.T, p *flow.Plan) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	in := events.Input{Submit: &events.Accepted{
		Job: "j", Tenant: "t",
		Pipeline: events.PipelineRef{Name: p.Name, Digest: p.Digest},
	}}
	var job events.Job
	for range 100 {
		now = now.Add(time.Second)
		got, err := flow.Apply(p, job, in, flow.Env{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		job = got.Job
		due := flow.Outstanding(p, job)
		if len(due) == 0 {
			return
		}
		item := rapid.SampledFrom(due).Draw(t, "due")
		answer := events.AttemptOutcome{
			Job: "j", Tenant: "t", Step: item.Step, Attempt: item.Attempt,
			Undo: item.Kind == events.DueUndo, Verdict: events.VerdictSucceeded,
		}
		if rapid.IntRange(0, 2).Draw(t, "fails") == 0 && !answer.Undo {
			answer.Verdict = events.VerdictFailed
			answer.Fault = &events.Fault{Code: "fetch.not_found", Class: "data_quality"}
		}
		in = events.Input{Outcome: &answer}
	}
	t.Fatalf("the job never ends: %+v", job)
}
