package flow_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// randomPipeline draws a plan, and a number for each step that its configuration and its
// result depend on.
func randomPipeline(rt *rapid.T) (*flow.Plan, map[string]int) {
	n := rapid.IntRange(1, 8).Draw(rt, "steps")
	steps, salt := make([]flow.Step, n), map[string]int{}
	for i := range steps {
		steps[i] = flow.Step{
			ID: "s" + strconv.Itoa(i), Critical: rapid.Bool().Draw(rt, "critical"),
			Compensable: rapid.Bool().Draw(rt, "compensable"), Fetches: rapid.Bool().Draw(rt, "fetches"),
		}
		for j := range i {
			if rapid.IntRange(0, 2).Draw(rt, "need") == 0 {
				steps[i].Needs = append(steps[i].Needs, steps[j].ID)
			}
		}
		salt[steps[i].ID] = 0
	}
	return newPlan(steps...), salt
}

// salted returns the plan with configurations made of numbers.
func salted(p *flow.Plan, salt map[string]int) *flow.Plan {
	out := newPlan(append([]flow.Step(nil), p.Steps...)...)
	for i := range out.Steps {
		out.Steps[i].With = configured(`{"n":` + strconv.Itoa(salt[out.Steps[i].ID]) + `}`)
	}
	return out
}

// workAll lets all that is due succeed, with files that depend on the step's number
// unless the step is one that does not look at it, and on its inputs.
func (w *world) workAll(salt map[string]int, deaf map[string]bool) map[string]bool {
	w.t.Helper()
	ran := map[string]bool{}
	for moved := true; moved; {
		moved = false
		for _, d := range flow.Outstanding(w.plan, w.job) {
			if d.Kind != events.DueWork {
				continue
			}
			task, err := flow.Task(w.plan, w.job, d, 1)
			if err != nil {
				w.t.Fatal(err)
			}
			name := d.Step
			if !deaf[d.Step] {
				name += "-" + strconv.Itoa(salt[d.Step])
			}
			for _, f := range task.Files {
				name += "(" + f.Digest + ")"
			}
			in := success(d.Step, d.Attempt, file(name))
			in.Outcome.Job = w.job.ID
			w.must(in)
			ran[d.Step], moved = true, true
			break
		}
	}
	return ran
}

// TestRerunRunsWhatHasChangedAndWhatThatReaches changes the configuration of some
// steps. A rerun runs these and all that gets other files because of them, and
// nothing else, and ends as a job that begins anew. Of an unchanged job it runs
// nothing.
func TestRerunRunsWhatHasChangedAndWhatThatReaches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		tb := rapidTB{t, rt}
		p, salt := randomPipeline(rt)
		deaf := map[string]bool{}
		for id := range salt {
			deaf[id] = false
		}
		for i := range p.Steps {
			deaf[p.Steps[i].ID] = rapid.IntRange(0, 3).Draw(rt, "deaf") == 0
		}
		first := modern(tb, salted(p, salt))
		first.workAll(salt, deaf)
		first.wantJob(events.JobCompleted)
		if ran := first.rerun(salted(p, salt), events.Rerun{}).workAll(salt, deaf); len(ran) > 0 {
			rt.Fatalf("the unchanged job runs %v", ran)
		}
		changed := map[string]bool{}
		for i := range p.Steps {
			if id := p.Steps[i].ID; rapid.IntRange(0, 2).Draw(rt, "change") == 0 {
				changed[id], salt[id] = true, 1
			}
		}
		again := first.rerun(salted(p, salt), events.Rerun{})
		ran := again.workAll(salt, deaf)
		again.wantJob(events.JobCompleted)
		fresh := modern(tb, salted(p, salt))
		fresh.workAll(salt, deaf)
		want := map[string]bool{}
		for i := range p.Steps {
			id := p.Steps[i].ID
			gets := changed[id]
			for _, need := range p.Steps[i].Needs {
				gets = gets || !cmp.Equal(first.job.Steps[need].Files, fresh.job.Steps[need].Files)
			}
			if gets {
				want[id] = true
			}
		}
		if diff := cmp.Diff(want, ran); diff != "" {
			rt.Fatalf("what ran differs (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(fresh.job.Outputs, again.job.Outputs); diff != "" {
			rt.Fatalf("outputs differ (-anew +again):\n%s", diff)
		}
		if _, err := flow.Replay(again.plan, again.records); err != nil {
			rt.Fatal(err)
		}
	})
}
