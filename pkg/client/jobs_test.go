package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

func TestSubmitMakesOneKeyPerCall(t *testing.T) {
	t.Parallel()
	// The first message gets no answer, so the gateway asks again, and then gives up;
	// then the client asks again.
	w, c := newWorld(t, gateway.Limits{SubmitTimeout: 300 * time.Millisecond})
	w.Conductor.Mute(2)
	r, err := c.Submit(t.Context(), "keep", aFile())
	if err != nil {
		t.Fatal(err)
	}
	if r.Job == "" || r.Key == "" || r.Duplicate {
		t.Errorf("receipt %+v", r)
	}
	subs := w.Conductor.Submissions()
	same(t, "messages", len(subs), 3)
	for _, m := range subs {
		if !strings.Contains(string(m.Data), r.Key) {
			t.Errorf("another key: %s", m.Data)
		}
	}
	other, err := c.Submit(t.Context(), "keep", aFile())
	if err != nil || other.Job == r.Job {
		t.Errorf("another call, another job: %+v %v", other, err)
	}
	s := aFile()
	s.Key = r.Key
	again, err := c.Submit(t.Context(), "keep", s)
	if err != nil || again.Job != r.Job || !again.Duplicate {
		t.Errorf("the same key: %+v %v", again, err)
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	_, err := c.Submit(t.Context(), "nope", aFile())
	if !fault.Has(err, fault.PipelineNotFound) {
		t.Errorf("error %v", err)
	}
	s := aFile()
	s.Files[0].Name = "a/b"
	_, err = c.Submit(t.Context(), "keep", s)
	var p *client.Problem
	if !fault.Has(err, fault.SubmitBadName) || !errors.As(err, &p) || p.Status != 422 || len(p.Errors) == 0 {
		t.Fatalf("error %v, problem %+v", err, p)
	}
	if n := strings.Count(err.Error(), p.Title); n != 1 {
		t.Errorf("the text says it %d times: %v", n, err)
	}

	// A code that this build does not know keeps its class.
	w.Conductor.Refuse(&events.Problem{
		Type: "t", Title: "something new", Status: 409, Code: "future.code", Class: "policy", Detail: "something new: why", Hint: "h",
	})
	_, err = c.Submit(t.Context(), "keep", aFile())
	if f := fault.From(err); f.Code != "future.code" || f.Class() != fault.Policy || f.Detail != "why" {
		t.Errorf("fault %+v", fault.From(err))
	}
	if _, err := c.Job(t.Context(), "nope"); !fault.Has(err, fault.JobNotFound) {
		t.Errorf("no such job: %v", err)
	}
	for _, id := range []string{"", "..", "a/b", "%2e", "a b"} {
		if _, err := c.Job(t.Context(), id); fault.From(err) == nil || fault.From(err).Code.Info().Status != 404 {
			t.Errorf("id %q: %v", id, err)
		}
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	job := submit(t, c)
	got := make(chan *api.Job, 1)
	go func() {
		j, err := c.Wait(t.Context(), job)
		if err != nil {
			t.Errorf("wait: %v", err)
		}
		got <- j
	}()
	w.Conductor.Note(job, 10)
	w.Conductor.Outcome(job, nil)
	same(t, "state", (<-got).Job.State, events.JobCompleted)

	if _, err := c.Wait(t.Context(), "nope"); !fault.Has(err, fault.JobNotFound) {
		t.Errorf("no such job: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(ctx, submit(t, c)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an ended context: %v", err)
	}
}

func TestWaitAndWatchSurviveARestart(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{Grace: 100 * time.Millisecond})
	job := submit(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	waited := make(chan error, 1)
	go func() {
		j, err := c.Wait(ctx, job)
		if err == nil && j.Job.State != events.JobCompleted {
			err = errors.New("state " + string(j.Job.State))
		}
		waited <- err
	}()
	var types []string
	revision := uint64(0)
	for e, err := range c.Watch(ctx, job, 0) {
		if err != nil {
			t.Fatalf("watch: %v", err)
		}
		types = append(types, e.Type)
		if e.Record != nil {
			revision++
			same(t, "revision", e.Record.Revision, revision)
		}
		switch len(types) {
		case 1:
			w.Stop()
			w.Conductor.Note(job, 10)
			w.Start()
		case 2:
			w.Conductor.Note(job, 10)
			w.Stop()
			w.Start()
		case 3:
			w.Conductor.Outcome(job, nil)
		}
	}
	same(t, "events", types, []string{"job.accepted", "step.noted", "step.noted", "job.completed", "end"})
	if err := <-waited; err != nil {
		t.Errorf("wait: %v", err)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	job := submit(t, c)
	var first uint64
	for e, err := range c.Watch(t.Context(), job, 0) {
		if err != nil {
			t.Fatal(err)
		}
		first = e.ID
		break // the caller has had enough
	}
	w.Conductor.Outcome(job, nil)
	var got []client.Event
	for e, err := range c.Watch(t.Context(), job, first) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if len(got) != 2 || got[0].ID <= first || got[0].Record.Job.State != events.JobCompleted {
		t.Fatalf("events %+v", got)
	}
	same(t, "end", *got[1].End, api.End{State: events.JobCompleted, Revision: 2})

	for _, err := range c.Watch(t.Context(), "nope", 0) {
		if !fault.Has(err, fault.JobNotFound) {
			t.Errorf("no such job: %v", err)
		}
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	job := submit(t, c)
	for range 5 {
		w.Conductor.Note(job, 50_000)
	}
	n := uint64(0)
	for rec, err := range c.Records(t.Context(), job) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		same(t, "revision", rec.Revision, n)
	}
	same(t, "records", n, 6)
	for range c.Records(t.Context(), job) {
		break
	}
	for _, err := range c.Records(t.Context(), "nope") {
		if !fault.Has(err, fault.JobNotFound) {
			t.Errorf("no such job: %v", err)
		}
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	job := submit(t, c)
	if _, err := c.Retry(t.Context(), job, ""); !fault.Has(err, fault.JobNotAllowed) {
		t.Errorf("retry a running job: %v", err)
	}
	j, err := c.Cancel(t.Context(), job, "wrong file")
	if err != nil || j.Job.State != events.JobCancelling || j.Job.Reason != "wrong file" {
		t.Errorf("cancel: %+v %v", j, err)
	}
	job = submit(t, c)
	w.Conductor.Outcome(job, &events.Fault{Code: "fetch.denied", Class: "auth"})
	if j, err = c.Retry(t.Context(), job, "it is open now"); err != nil || j.Job.State != events.JobRunning {
		t.Errorf("retry: %+v %v", j, err)
	}
	w.Conductor.Outcome(job, &events.Fault{Code: "fetch.denied", Class: "auth"})
	if j, err = c.Abandon(t.Context(), job, ""); err != nil || j.Job.State != events.JobFailed {
		t.Errorf("abandon: %+v %v", j, err)
	}
}

func TestListAllPages(t *testing.T) {
	t.Parallel()
	lister := &lateList{}
	w := gatewaytest.New(t, gateway.Config{Jobs: lister})
	lister.Lister = withList(t, w)
	c := connect(t, client.Config{Server: w.URL})
	want := map[string]bool{}
	for range 7 {
		want[submit(t, c)] = true
	}
	deadline := time.Now().Add(soon)
	for got := map[string]bool{}; len(got) < 7; got = map[string]bool{} {
		pages := 0
		for j, err := range c.Jobs(t.Context(), api.JobQuery{Limit: 3}) {
			if err != nil {
				t.Fatal(err)
			}
			pages++
			got[j.ID] = true
		}
		if len(got) == 7 {
			same(t, "jobs", got, want)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d jobs after %s", pages, soon)
		}
	}
	p, err := c.List(t.Context(), api.JobQuery{States: []events.JobState{events.JobFailed}})
	if err != nil || len(p.Jobs) != 0 {
		t.Errorf("failed jobs: %+v %v", p, err)
	}
	for _, err := range c.Jobs(t.Context(), api.JobQuery{Cursor: "rubbish"}) {
		if !fault.Has(err, fault.HTTPBadRequest) {
			t.Errorf("a bad cursor: %v", err)
		}
	}
}

// lateList is a list that is made after the gateway that uses it.
type lateList struct{ gateway.Lister }

func TestPipelinesAndStages(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t, gateway.Limits{})
	second := []byte(strings.Replace(gatewaytest.Pipeline, "Keep a file.", "Keep it well.", 1))
	checked, err := c.CheckPipeline(t.Context(), "f.yaml", second)
	if err != nil || !checked.Valid || checked.Name != "keep" {
		t.Errorf("check: %+v %v", checked, err)
	}
	a, err := c.ApplyPipeline(t.Context(), "", second)
	if err != nil || !a.Created || a.Digest != checked.Digest {
		t.Errorf("apply: %+v %v", a, err)
	}
	if a, err = c.ApplyPipeline(t.Context(), "keep", second); err != nil || a.Created {
		t.Errorf("apply again: %+v %v", a, err)
	}
	var p *client.Problem
	for _, bad := range [][]byte{nil, []byte("a: ["), []byte(strings.Replace(gatewaytest.Pipeline, "noop", "nope", 1))} {
		_, err = c.ApplyPipeline(t.Context(), "", bad)
		if !fault.Has(err, fault.PipelineInvalid) || !errors.As(err, &p) || len(p.Errors) == 0 {
			t.Errorf("apply %q: %v", bad, err)
		}
	}
	list, err := c.Pipelines(t.Context())
	if err != nil || len(list) != 1 || list[0].Digest != a.Digest {
		t.Errorf("list: %+v %v", list, err)
	}
	versions, err := c.PipelineVersions(t.Context(), "keep")
	if err != nil || len(versions) != 2 {
		t.Errorf("versions: %+v %v", versions, err)
	}
	one, err := c.Pipeline(t.Context(), "keep", versions[0].Digest)
	if err != nil || one.Description != "Keep a file." {
		t.Errorf("first version: %+v %v", one, err)
	}
	stages, err := c.Stages(t.Context())
	if err != nil || len(stages) != 1 {
		t.Errorf("stages: %+v %v", stages, err)
	}
	if s, err := c.Stage(t.Context(), "noop@1"); err != nil || s.Name != "noop" {
		t.Errorf("stage: %+v %v", s, err)
	}
	if v, err := c.Version(t.Context()); err != nil || v.Go == "" {
		t.Errorf("version: %+v %v", v, err)
	}
	if err := c.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
}

func TestTenant(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	job := submit(t, c)
	other := connect(t, client.Config{Server: w.URL, Tenant: "other"})
	if _, err := other.Job(t.Context(), job); !fault.Has(err, fault.JobNotFound) {
		t.Errorf("another tenant's job: %v", err)
	}
}
