package conductor

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
)

// done lets a job of two steps do all of its work, each step giving a file of its own.
func (w *world) done(key string) events.Job {
	w.t.Helper()
	w.submit(key)
	w.await(key, 1)
	w.gives(key, "first", "one of "+key)
	w.await(key, 2)
	w.gives(key, "second", "two of "+key)
	j := w.await(key, 3)
	if j.State != events.JobCompleted {
		w.t.Fatalf("job %s is %s", key, j.State)
	}
	return j
}

// gives answers for a stage with a file that the store has.
func (w *world) gives(key, step, content string) {
	w.t.Helper()
	f, err := w.store.Put(w.t.Context(), strings.NewReader(content), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	f.Name = step + ".txt"
	job := events.JobID(events.DefaultTenant, key)
	w.publish(events.OutcomeSubject("work", events.DefaultTenant, job, step),
		events.OutcomeID(events.DefaultTenant, job, step, false, 1, events.VerdictSucceeded), events.AttemptOutcome{
			Job: job, Tenant: events.DefaultTenant, Step: step, Stage: "work@1", Attempt: 1,
			Verdict: events.VerdictSucceeded, Files: []events.File{f}, StartedAt: now(), EndedAt: now(),
		})
}

// answered is a receipt or a problem.
type answered struct {
	events.Receipt
	Code   string                `json:"code"`
	Detail string                `json:"detail"`
	Errors []events.ProblemError `json:"errors"`
}

// ask hands a submission in and waits for its answer.
func (w *world) ask(pipeline string, s events.Submission) answered {
	w.t.Helper()
	inbox, answers := w.conn.NewInbox(), make(chan *bus.Message, 4)
	stop, err := w.conn.Subscribe(inbox, func(m *bus.Message) { answers <- m })
	if err != nil {
		w.t.Fatal(err)
	}
	defer stop()
	data, err := json.Marshal(s)
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.conn.Publish(w.t.Context(), bus.Out{
		Subject: events.SubmitSubject(events.DefaultTenant, pipeline), ID: inbox, Data: data,
		Header: map[string]string{events.HeaderReplyTo: inbox},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	select {
	case m := <-answers:
		var a answered
		if err := json.Unmarshal(m.Data, &a); err != nil {
			w.t.Fatal(err)
		}
		return a
	case <-time.After(20 * time.Second):
		w.t.Fatal("no answer")
		return answered{}
	}
}

// again is the submission of a rerun.
func again(key, of, from string) events.Submission {
	return events.Submission{Key: key, Rerun: &events.RerunRequest{
		Job: events.JobID(events.DefaultTenant, of), FromStep: from, Reason: "why not",
	}}
}

// reasons are what was decided about the steps.
func reasons(j events.Job) map[string]events.ReuseReason {
	got := map[string]events.ReuseReason{}
	for id, st := range j.Steps {
		if st.Reuse != nil {
			got[id] = st.Reuse.Reason
		}
	}
	return got
}

func TestRerun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn)
	before := w.done("k")
	if a := w.ask("two", again("all", "k", "")); a.State != events.JobCompleted || a.Outcome == nil {
		t.Errorf("what is wholly reused is answered with %+v", a)
	}
	a := w.ask("two", again("k2", "k", "second"))
	if a.Job != events.JobID(events.DefaultTenant, "k2") || a.State != events.JobAccepted || a.Duplicate {
		t.Fatalf("%+v", a)
	}
	w.gives("k2", "second", "two anew")
	j := w.await("k2", 2)
	want := map[string]events.ReuseReason{"first": events.ReuseUnchanged, "second": events.ReuseFromStep}
	if diff := cmp.Diff(want, reasons(j)); diff != "" || j.State != events.JobCompleted {
		t.Errorf("job is %s (-want +got):\n%s", j.State, diff)
	}
	if r := j.Rerun; r == nil || r.Job != before.ID || r.Revision != 3 || r.FromStep != "second" || r.Reason != "why not" {
		t.Errorf("it is a rerun of %+v", r)
	}
	if diff := cmp.Diff(before.Files, j.Files); diff != "" {
		t.Errorf("files differ: %s", diff)
	}
	d, err := w.reg.Version(t.Context(), j.Tenant, j.Pipeline.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flow.Replay(d.Plan, w.history("k2")); err != nil {
		t.Error(err)
	}
}

func TestRerunIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn)
	w.done("k")
	w.submit("live")
	w.await("live", 1)
	other, _, err := w.reg.Apply(t.Context(), events.DefaultTenant, []byte(strings.Replace(twoSteps, "name: two", "name: other", 1)))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*events.Submission)) events.Submission {
		s := again("x", "k", "")
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		ask        events.Submission
		pipeline   string
		code, says string
	}{
		"an unknown job":   {again("x", "nobody", ""), "two", "job.not_found", ""},
		"a live job":       {again("x", "live", ""), "two", "job.not_allowed", "only what has ended is run again"},
		"an unknown step":  {again("x", "k", "third"), "two", "rerun.unknown_step", "first, second"},
		"the wrong door":   {again("x", "k", ""), "other", "submit.invalid", "is of pipeline two"},
		"a strange digest": {with(func(s *events.Submission) { s.Rerun.PipelineVersion = "sha256:" + strings.Repeat("0", 64) }), "two", "pipeline.not_found", ""},
		"another pipeline": {with(func(s *events.Submission) { s.Rerun.PipelineVersion = other.Digest }), "two", "pipeline.not_found", "of pipeline other"},
		"files":            {with(func(s *events.Submission) { s.Files = []events.Source{{URL: "file:///a"}} }), "two", "submit.invalid", "/files"},
		"parameters":       {with(func(s *events.Submission) { s.Params = json.RawMessage(`{"level":3}`) }), "two", "submit.bad_params", "/params"},
		"no job":           {with(func(s *events.Submission) { s.Rerun.Job = "" }), "two", "submit.invalid", "/rerun/job"},
		"a strange word":   {with(func(s *events.Submission) { s.Rerun.PipelineVersion = "latest" }), "two", "submit.invalid", "/rerun/pipeline_version"},
	} {
		a := w.ask(tc.pipeline, tc.ask)
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if a.Code != tc.code || !strings.Contains(string(text), tc.says) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// The same request gives the same job, whatever has become of the job before.
func TestRerunIsRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn)
	before := w.done("k")
	first := w.ask("two", again("k2", "k", "second"))
	w.rollback("k", w.plan(before))
	w.await("k", 4)
	if a := w.ask("two", again("k3", "k", "second")); a.Code != "job.not_allowed" {
		t.Errorf("a job that is being rolled back is run again: %+v", a)
	}
	if a := w.ask("two", again("k2", "k", "second")); a.Job != first.Job || !a.Duplicate {
		t.Errorf("repeated: %+v", a)
	}
	if a := w.ask("two", again("k2", "k", "first")); a.Code != "submit.key_reused" {
		t.Errorf("the key with another request: %+v", a)
	}
	if n := len(w.history("k2")); n != 1 {
		t.Errorf("%d records", n)
	}
}

// TestRerunSurvivesKills kills a conductor at every place of the first record, and
// wants one job, with its work queued.
func TestRerunSurvivesKills(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"before commit", "after commit", "after due"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, stop := w.conductor(w.conn)
			w.done("k")
			stop()
			_, stop = w.conductor(&dying{Broker: w.conn, at: at})
			w.publish(events.SubmitSubject(events.DefaultTenant, "two"), "k2", again("k2", "k", "second"))
			if at != "before commit" {
				w.await("k2", 1)
			}
			stop()
			w.conductor(w.conn)
			w.await("k2", 1)
			w.awaitQueued(events.WorkOfStep(events.DefaultTenant, events.JobID(events.DefaultTenant, "k2"), "second"))
			if got := w.history("k2"); len(got) != 1 || got[0].Job.Steps["first"].State != events.StepSucceeded {
				t.Errorf("%d records, the first step is %s", len(got), got[0].Job.Steps["first"].State)
			}
		})
	}
}

func TestRerunDoesNotCountOnFilesThatAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn)
	before := w.done("k")
	if err := w.store.Delete(t.Context(), before.Steps["first"].Files[0].Digest); err != nil {
		t.Fatal(err)
	}
	w.ask("two", again("k2", "k", ""))
	w.gives("k2", "first", "one of k")
	want := map[string]events.ReuseReason{"first": events.ReuseFilesGone, "second": events.ReuseUnchanged}
	if j := w.await("k2", 2); !cmp.Equal(want, reasons(j)) || j.State != events.JobCompleted {
		t.Errorf("job is %s: %v", j.State, reasons(j))
	}
}

// A result that came from a third job is that job's to take back.
func TestRerunAsksTheJobThatDidTheWork(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lose func(w *world, origin events.Job)
		want events.ReuseReason
	}{
		"still there": {func(*world, events.Job) {}, events.ReuseUnchanged},
		"taken back": {func(w *world, origin events.Job) {
			w.rollback("k", w.plan(origin))
			w.await("k", 4)
		}, events.ReuseUndone},
		"not kept": {func(w *world, origin events.Job) {
			err := w.conn.Purge(context.Background(), events.StreamEvents, events.HistoryFilter(origin.Tenant, origin.ID))
			if err != nil {
				w.t.Fatal(err)
			}
		}, events.ReuseOriginGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.conductor(w.conn)
			origin := w.done("k")
			w.ask("two", again("k2", "k", "second"))
			w.gives("k2", "second", "two of k")
			w.await("k2", 2)
			tc.lose(w, origin)
			w.ask("two", again("k3", "k2", ""))
			j := w.await("k3", 1)
			if got := j.Steps["first"].Reuse; got == nil || got.Reason != tc.want {
				t.Errorf("the first step: %+v", got)
			}
		})
	}
}
