package flow_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// configured is a template that always gives the same.
func configured(config string) template {
	return func(flow.Facts) (json.RawMessage, error) { return json.RawMessage(config), nil }
}

// diamond is get, then left and right, then join, and beside them note.
func diamond() *flow.Plan {
	return newPlan(
		flow.Step{ID: "get", Stage: "fetch@1", Fetches: true, Critical: true},
		flow.Step{ID: "left", Needs: []string{"get"}, With: configured(`{"level":1,"kind":"a"}`), Critical: true},
		flow.Step{ID: "right", Needs: []string{"get"}, Critical: true, Compensable: true},
		flow.Step{ID: "join", Stage: "join@2", Needs: []string{"left", "right"}, Critical: true, Compensable: true},
		flow.Step{ID: "note"},
	)
}

var diamondSteps = []string{"get", "left", "right", "join", "note"}

// ended returns a world whose job has done all of a plan.
func ended(t testing.TB, p *flow.Plan) *world {
	t.Helper()
	w := modern(t, p)
	w.finishAll()
	w.wantJob(events.JobCompleted)
	return w
}

// finishAll lets every step that is due succeed, each with a file of its own.
func (w *world) finishAll() []string {
	w.t.Helper()
	var ran []string
	for i := 0; i < len(w.plan.Steps); {
		id := w.plan.Steps[i].ID
		if st := w.job.Steps[id]; st.State != events.StepQueued {
			i++
			continue
		}
		in := success(id, w.job.Steps[id].Attempt, file(id))
		in.Outcome.Job = w.job.ID
		w.must(in)
		ran = append(ran, id)
		i = 0
	}
	slices.Sort(ran)
	return ran
}

// again is the submission of a rerun of a world's job by another plan.
func (w *world) again(next *flow.Plan, r events.Rerun) events.Input {
	w.t.Helper()
	in := submission(next, w.job.Files...)
	r.Job, r.Revision = w.job.ID, uint64(len(w.records))
	in.Submit.Job, in.Submit.Key, in.Submit.Rules = "job2", "k2", flow.Rules
	in.Submit.Rerun, in.Submit.Prior = &r, flow.TakeOver(w.plan, w.job, next, r)
	return in
}

// rerun returns a world whose job runs that of w again.
func (w *world) rerun(next *flow.Plan, r events.Rerun) *world {
	w.t.Helper()
	again := newWorld(w.t, next)
	again.must(w.again(next, r))
	return again
}

// wantReuse checks what was decided about every step.
func (w *world) wantReuse(want map[string]events.ReuseReason) {
	w.t.Helper()
	got := map[string]events.ReuseReason{}
	for id, st := range w.job.Steps {
		if st.Reuse == nil {
			continue
		}
		got[id] = st.Reuse.Reason
		if st.Reuse.Reused != (st.Reuse.Reason == events.ReuseUnchanged) {
			w.t.Errorf("step %s: %+v", id, st.Reuse)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("reasons differ (-want +got):\n%s", diff)
	}
}

// rerunCase is a rerun of a job that has done all of the diamond.
type rerunCase struct {
	before func(w *world)
	change func(p *flow.Plan)
	rerun  events.Rerun
	lacks  map[string]events.ReuseReason
	want   []events.ReuseReason // of get, left, right, join, note
}

// These two words are shorter in the table.
const held, from = events.ReuseUnchanged, events.ReuseFromStep

var rerunCases = map[string]rerunCase{
	"nothing changed": {want: []events.ReuseReason{held, held, held, held, held}},
	"not wanted": {
		rerun: events.Rerun{NoReuse: true},
		want:  slices.Repeat([]events.ReuseReason{events.ReuseNotWanted}, 5),
	},
	"from a step": {
		rerun: events.Rerun{FromStep: "left"},
		want:  []events.ReuseReason{held, from, held, from, held},
	},
	"another version of a stage": {
		change: func(p *flow.Plan) { p.Steps[1].Stage = "work@2" },
		want:   []events.ReuseReason{held, events.ReuseStageChanged, held, held, held},
	},
	"another configuration": {
		change: func(p *flow.Plan) { p.Steps[1].With = configured(`{"level":2,"kind":"a"}`) },
		want:   []events.ReuseReason{held, events.ReuseConfigChanged, held, held, held},
	},
	"the same configuration in another order": {
		change: func(p *flow.Plan) { p.Steps[1].With = configured(`{ "kind": "a", "level": 1 }`) },
		want:   []events.ReuseReason{held, held, held, held, held},
	},
	"an empty configuration": {
		change: func(p *flow.Plan) { p.Steps[4].With = configured(`{}`) },
		want:   []events.ReuseReason{held, held, held, held, held},
	},
	"other inputs": {
		change: func(p *flow.Plan) { p.Steps[3].Needs = []string{"right", "left"} },
		want:   []events.ReuseReason{held, held, held, events.ReuseInputsChanged, held},
	},
	"a new step": {
		change: func(p *flow.Plan) { p.Steps[4].ID = "memo" },
		want:   []events.ReuseReason{held, held, held, held, events.ReuseNewStep},
	},
	"rolled back": {
		before: func(w *world) { w.must(w.rollback()); w.undo("join", ""); w.undo("right", "") },
		want:   []events.ReuseReason{held, held, events.ReuseUndone, events.ReuseUndone, held},
	},
	"files gone": {
		lacks: map[string]events.ReuseReason{"left": events.ReuseFilesGone},
		want:  []events.ReuseReason{held, events.ReuseFilesGone, held, held, held},
	},
	"origin gone": {
		lacks: map[string]events.ReuseReason{"join": events.ReuseOriginGone},
		want:  []events.ReuseReason{held, held, held, events.ReuseOriginGone, held},
	},
}

func TestRerunSaysWhyEachStepIsReusedOrNot(t *testing.T) {
	t.Parallel()
	for name, tc := range rerunCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ended(t, diamond())
			if tc.before != nil {
				tc.before(w)
			}
			next := diamond()
			next.Digest = "sha256:next"
			if tc.change != nil {
				tc.change(next)
			}
			in := w.again(next, tc.rerun)
			for id, why := range tc.lacks {
				in.Submit.Prior[id] = events.Prior{Job: jobID, Lacks: why}
			}
			again := newWorld(t, next)
			again.must(in)
			ran := again.finishAll()
			again.wantJob(events.JobCompleted)
			want := map[string]events.ReuseReason{}
			var runs []string
			for i, reason := range tc.want {
				want[next.Steps[i].ID] = reason
				if reason != held {
					runs = append(runs, next.Steps[i].ID)
				}
			}
			slices.Sort(runs)
			again.wantReuse(want)
			if diff := cmp.Diff(runs, ran); diff != "" {
				t.Errorf("what ran differs (-want +got):\n%s", diff)
			}
			if _, err := flow.Replay(next, again.records); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatTheJobBeforeDidNotDoRuns(t *testing.T) {
	t.Parallel()
	w := modern(t, chain("a", "b", "c"))
	w.ok("a")
	w.fail("b", fault.Policy)
	w.undo("b", "")
	w.undo("a", "")
	w.wantJob(events.JobRolledBack)
	again := w.rerun(chain("a", "b", "c"), events.Rerun{})
	again.finishAll()
	again.wantReuse(map[string]events.ReuseReason{
		"a": events.ReuseUndone, "b": events.ReuseNotDone, "c": events.ReuseNotDone,
	})
}

// A step whose turn comes later is judged by what it then gets.
func TestStepBehindOneThatRanAgainIsReusedWhenItGetsTheSame(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		gives events.File
		want  events.ReuseReason
	}{
		"the same":       {file("left"), events.ReuseUnchanged},
		"something else": {file("other"), events.ReuseInputsChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := diamond()
			next.Steps[1].With = nil
			w := ended(t, diamond()).rerun(next, events.Rerun{})
			if st := w.job.Steps["join"]; st.State != events.StepPending || st.Prior == nil || st.Reuse != nil {
				t.Fatalf("join is %+v", st)
			}
			in := success("left", 1, tc.gives)
			in.Outcome.Job = "job2"
			w.must(in)
			if st := w.job.Steps["join"]; st.Prior != nil || st.Reuse == nil || st.Reuse.Reason != tc.want {
				t.Errorf("join is %+v", asJSON(t, st))
			}
		})
	}
}

func TestWhollyReusedJobIsCompletedAtOnce(t *testing.T) {
	t.Parallel()
	before := ended(t, diamond())
	w := before.rerun(diamond(), events.Rerun{Reason: "to be sure"})
	w.wantRecord(flow.TypeJobCompleted, events.KindJob, "", 0)
	w.wantDue()
	if diff := cmp.Diff(before.job.Outputs, w.job.Outputs); diff != "" {
		t.Errorf("outputs differ (-before +now):\n%s", diff)
	}
	for _, id := range diamondSteps {
		st, old := w.job.Steps[id], before.job.Steps[id]
		want := events.Step{
			State: events.StepSucceeded, Stage: old.Stage, Logic: old.Logic, Files: old.Files, Findings: old.Findings,
			Reuse: &events.Reuse{Reused: true, Reason: events.ReuseUnchanged, Job: jobID},
		}
		if diff := cmp.Diff(want, st); diff != "" {
			t.Errorf("step %s differs (-want +got):\n%s", id, diff)
		}
	}
	_, err := flow.Rollback(w.plan, w.job)
	if !fault.Has(err, fault.RollbackNothing) {
		t.Errorf("the effects of another job can be rolled back: %v", err)
	}
	if r := w.job.Rerun; r == nil || r.Job != jobID || r.Revision != uint64(len(before.records)) || r.Reason != "to be sure" {
		t.Errorf("the job is a rerun of %+v", r)
	}
}

// What a rerun did itself is undone with it; what it reused is not.
func TestReusedEffectsStayWithTheirJob(t *testing.T) {
	t.Parallel()
	w := ended(t, diamond()).rerun(diamond(), events.Rerun{FromStep: "join"})
	w.finishAll()
	plan, err := flow.Rollback(w.plan, w.job)
	if err != nil || len(plan.Steps) != 1 || plan.Steps[0].Step != "join" {
		t.Fatalf("%+v, %v", plan, err)
	}
	reasons := map[string]string{}
	for _, r := range flow.Explain(w.plan, w.job) {
		reasons[r.Step] = r.Why
	}
	if !strings.Contains(reasons["right"], "stays with that job") || !strings.Contains(reasons[""], "runs job "+jobID+" again from step join") {
		t.Errorf("explained as %v", reasons)
	}
	in := w.rollback()
	w.must(in)
	w.must(asJob2(undoAnswer("join", 1, "")))
	w.wantJob(events.JobRolledBack)
}

func asJob2(in events.Input) events.Input {
	in.Outcome.Job = "job2"
	return in
}

// A result that was reused twice is still that of the job that did the work.
func TestRerunOfARerunNamesTheJobThatDidTheWork(t *testing.T) {
	t.Parallel()
	once := ended(t, diamond()).rerun(diamond(), events.Rerun{FromStep: "join"})
	once.finishAll()
	prior := flow.TakeOver(once.plan, once.job, diamond(), events.Rerun{})
	got := map[string]string{}
	for id, p := range prior {
		got[id] = p.Job
	}
	want := map[string]string{"get": jobID, "left": jobID, "right": jobID, "join": "job2", "note": jobID}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the work is that of (-want +got):\n%s", diff)
	}
}

func TestTakeOverLeavesOutWhatRunsAnyway(t *testing.T) {
	t.Parallel()
	w := ended(t, diamond())
	got := flow.TakeOver(w.plan, w.job, diamond(), events.Rerun{FromStep: "left"})
	if diff := cmp.Diff([]string{"get", "note", "right"}, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Error(diff)
	}
	if got := flow.TakeOver(w.plan, w.job, diamond(), events.Rerun{NoReuse: true}); len(got) > 0 {
		t.Errorf("took over %v", got)
	}
}

func TestRerunIsRefused(t *testing.T) {
	t.Parallel()
	w := ended(t, diamond())
	_, err := flow.Apply(w.plan, events.Job{}, w.again(w.plan, events.Rerun{FromStep: "lift"}), flow.Env{})
	if !fault.Has(err, fault.RerunUnknownStep) || !strings.Contains(err.Error(), strings.Join(diamondSteps, ", ")) {
		t.Errorf("from an unknown step: %v", err)
	}
	for _, live := range []events.JobState{events.JobAccepted, events.JobRunning, events.JobCompensating, events.JobAttention} {
		if err := flow.Rerunnable(events.Job{State: live}); !fault.Has(err, fault.JobNotAllowed) {
			t.Errorf("a job that is %s: %v", live, err)
		}
	}
	w.refused(command(events.VerbRerun), fault.JobNotAllowed)
}

func TestPlanOfARerun(t *testing.T) {
	t.Parallel()
	w := ended(t, diamond())
	next := diamond()
	next.Steps[1].With = nil
	next.Steps[4].When = always(false)
	steps, err := flow.PlanRerun(next, w.again(next, events.Rerun{}).Submit)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range steps {
		got[s.Step] = string(s.Decision) + " " + string(s.Reason)
		if s.Why == "" {
			t.Errorf("step %s has no why", s.Step)
		}
	}
	want := map[string]string{
		"get": "reuse unchanged", "left": "run config_changed", "right": "reuse unchanged", "join": "open ", "note": "skip ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := flow.PlanRerun(w.plan, submission(w.plan).Submit); !fault.Has(err, fault.InternalBug) {
		t.Errorf("the plan of what is no rerun: %v", err)
	}
}

func TestEveryReasonHasAText(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, reason := range []events.ReuseReason{
		events.ReuseUnchanged, events.ReuseNotWanted, events.ReuseFromStep, events.ReuseNewStep, events.ReuseNotDone,
		events.ReuseUndone, events.ReuseStageChanged, events.ReuseConfigChanged, events.ReuseInputsChanged,
		events.ReuseFilesGone, events.ReuseOriginGone,
	} {
		text := flow.ReuseText(&events.Rerun{Job: "j"}, "s", events.Reuse{Reason: reason, Job: "k"})
		if text == string(reason) || seen[text] {
			t.Errorf("%s is said as %q", reason, text)
		}
		seen[text] = true
	}
}
