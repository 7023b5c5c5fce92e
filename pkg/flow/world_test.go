package flow_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// Expressions as plain functions.
type (
	condition func(flow.Facts) (bool, error)
	template  func(flow.Facts) (json.RawMessage, error)
	filesExpr func(flow.Facts) ([]events.File, error)
)

func (f condition) Eval(x flow.Facts) (bool, error)              { return f(x) }
func (f template) Resolve(x flow.Facts) (json.RawMessage, error) { return f(x) }
func (f filesExpr) Files(x flow.Facts) ([]events.File, error)    { return f(x) }

var errExpression = errors.New("no such key")

func always(yes bool) condition { return func(flow.Facts) (bool, error) { return yes, nil } }

func broken() condition { return func(flow.Facts) (bool, error) { return false, errExpression } }

const (
	jobID  = "job1"
	tenant = "default"
)

// newPlan returns a plan of steps that need "stage <id>@1" unless they say.
func newPlan(steps ...flow.Step) *flow.Plan {
	for i := range steps {
		if steps[i].Stage == "" {
			steps[i].Stage = "work@1"
		}
	}
	return &flow.Plan{Name: "p", Digest: "sha256:p", Steps: steps}
}

// chain returns critical, compensable steps, each needing the one before.
func chain(ids ...string) *flow.Plan {
	steps := make([]flow.Step, len(ids))
	for i, id := range ids {
		steps[i] = flow.Step{ID: id, Critical: true, Compensable: true}
		if i > 0 {
			steps[i].Needs = []string{ids[i-1]}
		}
	}
	return newPlan(steps...)
}

// world is one job under test, with the records it made.
type world struct {
	t       testing.TB
	plan    *flow.Plan
	job     events.Job
	records []events.Record
	now     time.Time
	entropy uint64
	// last is the newest transition.
	last flow.Transition
}

func newWorld(t testing.TB, p *flow.Plan) *world {
	t.Helper()
	return &world{t: t, plan: p, now: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
}

// submit returns a world whose job was accepted, with the sources given.
func submit(t testing.TB, p *flow.Plan, sources ...events.Source) *world {
	t.Helper()
	w := newWorld(t, p)
	w.must(submission(p, sources...))
	return w
}

func submission(p *flow.Plan, sources ...events.Source) events.Input {
	if sources == nil {
		sources = []events.Source{{Name: "a.txt", Digest: "sha256:a", Size: 1, MediaType: "text/plain"}}
	}
	return events.Input{Submit: &events.Accepted{
		Job:         jobID,
		Tenant:      tenant,
		Pipeline:    events.PipelineRef{Name: p.Name, Digest: p.Digest},
		Key:         "k",
		Fingerprint: "sha256:f",
		Files:       sources,
		Params:      json.RawMessage(`{"n":1}`),
		Labels:      map[string]string{"team": "a"},
		Traceparent: "00-1",
	}}
}

// apply applies in and keeps a record of it.
func (w *world) apply(in events.Input) (flow.Transition, error) {
	w.t.Helper()
	w.now = w.now.Add(1500 * time.Microsecond)
	w.entropy += 977
	tr, err := flow.Apply(w.plan, w.job, in, flow.Env{Now: w.now, Entropy: w.entropy})
	if err != nil || !tr.Changed {
		return tr, err
	}
	w.job, w.last = tr.Job, tr
	w.records = append(w.records, events.Record{
		Type:     tr.Type,
		Revision: uint64(len(w.records)) + 1,
		Tx:       "tx",
		Time:     w.now,
		Entropy:  w.entropy,
		Step:     tr.Step,
		Attempt:  tr.Attempt,
		Input:    in,
		Job:      tr.Job,
		Due:      tr.Due,
	})
	return tr, nil
}

// must applies an input that changes the job.
func (w *world) must(in events.Input) flow.Transition {
	w.t.Helper()
	tr, err := w.apply(in)
	if err != nil {
		w.t.Fatalf("apply %s: %v", asJSON(w.t, in), err)
	}
	if !tr.Changed {
		w.t.Fatalf("apply %s: nothing changed in %s", asJSON(w.t, in), asJSON(w.t, w.job))
	}
	return tr
}

// stale applies an input that must change nothing.
func (w *world) stale(in events.Input) {
	w.t.Helper()
	before := asJSON(w.t, w.job)
	tr, err := flow.Apply(w.plan, w.job, in, flow.Env{Now: w.now, Entropy: 1})
	if err != nil {
		w.t.Fatalf("apply %s: %v", asJSON(w.t, in), err)
	}
	if diff := cmp.Diff(flow.Transition{Job: w.job}, tr); diff != "" {
		w.t.Fatalf("apply %s changed something: %s", asJSON(w.t, in), diff)
	}
	if got := asJSON(w.t, w.job); got != before {
		w.t.Fatalf("apply %s changed its argument to %s", asJSON(w.t, in), got)
	}
}

// refused applies an input that must be refused with code.
func (w *world) refused(in events.Input, code fault.Code) {
	w.t.Helper()
	tr, err := w.apply(in)
	if !fault.Has(err, code) {
		w.t.Fatalf("apply %s: got error %v, want %s", asJSON(w.t, in), err, code)
	}
	if diff := cmp.Diff(flow.Transition{Job: w.job}, tr); diff != "" {
		w.t.Fatalf("refused input changed something: %s", diff)
	}
}

// ok answers the open attempt of a step with a file named after it.
func (w *world) ok(step string) flow.Transition {
	w.t.Helper()
	return w.must(success(step, w.job.Steps[step].Attempt, file(step)))
}

// fail answers the open attempt of a step with a fault of that class.
func (w *world) fail(step string, class fault.Class) flow.Transition {
	w.t.Helper()
	return w.must(failure(step, w.job.Steps[step].Attempt, class))
}

// lose answers the open attempt of a step with an effect that nobody can tell of.
func (w *world) lose(step, effect string) flow.Transition {
	w.t.Helper()
	in := failure(step, w.job.Steps[step].Attempt, fault.UnknownEffect)
	in.Outcome.Effect = effect
	return w.must(in)
}

// fire fires the timer of a step.
func (w *world) fire(step string) flow.Transition {
	w.t.Helper()
	return w.must(timer(step, w.job.Steps[step].Attempt, false))
}

func (w *world) undo(step string, class fault.Class) flow.Transition {
	w.t.Helper()
	return w.must(undoAnswer(step, w.job.Steps[step].Undo.Attempt, class))
}

func (w *world) command(v events.Verb) flow.Transition {
	w.t.Helper()
	return w.must(command(v))
}

func (w *world) wantJob(want events.JobState) {
	w.t.Helper()
	if w.job.State != want {
		w.t.Fatalf("job is %s, want %s: %s", w.job.State, want, asJSON(w.t, w.job))
	}
}

func (w *world) wantStep(step string, want events.StepState) {
	w.t.Helper()
	if got := w.job.Steps[step].State; got != want {
		w.t.Fatalf("step %s is %s, want %s: %s", step, got, want, asJSON(w.t, w.job))
	}
}

// wantRecord checks what the newest record says of itself.
func (w *world) wantRecord(typ, kind, step string, attempt int) {
	w.t.Helper()
	got := flow.Transition{Type: w.last.Type, Kind: w.last.Kind, Step: w.last.Step, Attempt: w.last.Attempt}
	want := flow.Transition{Type: typ, Kind: kind, Step: step, Attempt: attempt}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Fatalf("record differs (-want +got):\n%s", diff)
	}
}

// wantDue checks what the newest transition made due.
func (w *world) wantDue(want ...events.DueItem) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.last.Due); diff != "" {
		w.t.Fatalf("due differs (-want +got):\n%s", diff)
	}
}

func file(name string) events.File {
	return events.File{Name: name, Digest: "sha256:" + name, Size: int64(len(name))}
}

func work(step string, attempt int) events.DueItem {
	return events.DueItem{Kind: events.DueWork, Step: step, Attempt: attempt}
}

func undoing(step string, attempt int) events.DueItem {
	return events.DueItem{Kind: events.DueUndo, Step: step, Attempt: attempt}
}

func success(step string, attempt int, files ...events.File) events.Input {
	return events.Input{Outcome: &events.AttemptOutcome{
		Job: jobID, Tenant: tenant, Step: step, Attempt: attempt,
		Verdict: events.VerdictSucceeded, Files: files,
		Findings: map[string]string{"by": step}, Logic: "v1",
	}}
}

func failure(step string, attempt int, class fault.Class) events.Input {
	return events.Input{Outcome: &events.AttemptOutcome{
		Job: jobID, Tenant: tenant, Step: step, Attempt: attempt,
		Verdict: events.VerdictFailed,
		Fault:   &events.Fault{Code: "test." + string(class), Class: string(class), Message: step},
	}}
}

// undoAnswer answers an undo: with success when class is empty.
func undoAnswer(step string, attempt int, class fault.Class) events.Input {
	in := success(step, attempt)
	if class != "" {
		in = failure(step, attempt, class)
	}
	in.Outcome.Undo = true
	return in
}

func timer(step string, attempt int, undo bool) events.Input {
	return events.Input{Timer: &events.TimerFired{
		Job: jobID, Tenant: tenant, Step: step, Attempt: attempt, Undo: undo,
	}}
}

func command(v events.Verb) events.Input {
	return events.Input{Control: &events.Command{Verb: v, Reason: "because", By: "me"}}
}

// settle is a retry with a person's word on effects.
func settle(word events.Settlement) events.Input {
	in := command(events.VerbRetry)
	in.Control.Effect = word
	return in
}

// resumption says where an attempt goes on.
func resumption(step string, attempt int, claim uint64) events.Input {
	in := success(step, attempt)
	in.Outcome.Verdict = events.VerdictResumed
	in.Outcome.Resumed = &events.Resumed{Claim: claim, Checkpoint: 3, Done: 48, Total: 51, Decision: events.DecisionResumed}
	return in
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
