package mill_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/mill"
)

// What others have lived through with work that was stuck or failed in silence, as tests
// that name it.

// storyWorld is a mill with a door for people and one for other processes, that looks
// for lost work often, and a client of it.
func storyWorld(t *testing.T, roles ...string) (*world, *client.Client) {
	t.Helper()
	w := newWorld(t, func(c *mill.Config) {
		open(c)
		c.HTTPAddr, c.AllowPrivateNetworks = "127.0.0.1:0", true
		c.Roles, c.ReconcileEvery = roles, time.Second
	})
	return w, w.client()
}

// explained returns why a step stands where it stands.
func explained(t *testing.T, c *client.Client, job, step string) api.Reason {
	t.Helper()
	e, err := c.Explain(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(e.Reasons, func(r api.Reason) bool { return r.Step == step && !r.Undo })
	if i < 0 {
		t.Fatalf("nothing is said of step %s: %+v", step, e.Reasons)
	}
	return e.Reasons[i]
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for range 6000 {
		if so() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it never came to it that %s", what)
}

// github.com/dbos-inc/dbos-transact-py/issues/805: a workflow of a queue with
// concurrency 1 stays PENDING between two steps, the next one is never started, all
// others wait behind it, and a restart does not help. Here what is due next stands in
// the record, and is found by whoever comes, though the queue has lost it.
func TestStoryDBOS805BetweenSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) {
		c.Roles, c.Slots = []string{mill.RoleConductor, "stage:simulate"}, 1
		c.Derived, c.Drain = bus.DerivedMemory, -1
	})
	w.apply("three", "    - { id: one, uses: simulate@1 }\n    - { id: two, uses: simulate@1 }\n    - { id: three, uses: hash@1 }\n")
	var jobs []string
	for _, key := range []string{"first", "second", "third"} {
		jobs = append(jobs, w.accepted("three", inline(key, key)))
	}
	between := func(j events.Job) bool {
		return j.Steps["two"].State == events.StepSucceeded && j.Steps["three"].State == events.StepQueued
	}
	for _, restarted := range []bool{true, false} {
		for _, job := range jobs {
			w.await(job, "between two steps", between)
		}
		w.stop()
		if !restarted {
			w.cfg.Roles = nil
		}
		w.start()
	}
	for _, job := range jobs {
		j := w.final(job)
		if j.State != events.JobCompleted {
			t.Errorf("job %s ended as %s: %+v", job, j.State, j.Fault)
		}
		for id, st := range j.Steps {
			if st.Attempt != 1 || st.Spent != 0 {
				t.Errorf("step %s took %d attempts and has spent %d", id, st.Attempt, st.Spent)
			}
		}
	}
}

// github.com/Netflix/conductor/issues/1446: tasks stay SCHEDULED for ever, and nothing
// says why. Here a step whose task was lost from the queue gets it back, and one whose
// stage no worker serves says so.
func TestStoryConductor1446Scheduled(t *testing.T) {
	t.Parallel()
	w, c := storyWorld(t, mill.RoleConductor, mill.RoleGateway)
	w.apply("one", "    - { id: only, uses: hash@1 }\n")
	job := w.accepted("one", inline("one", "content"))
	w.await(job, "queued", func(j events.Job) bool { return j.Steps["only"].State == events.StepQueued })
	why := explained(t, c, job, "only")
	if !strings.Contains(why.Why, "nobody takes tasks of stage hash") || !strings.Contains(why.Next, "a worker of stage hash") {
		t.Errorf("why: %s; next: %s", why.Why, why.Next)
	}
	work := events.WorkOfStep(events.DefaultTenant, job, "only")
	lost, err := w.conn.Last(t.Context(), events.StreamQueue, work)
	if err == nil {
		err = w.conn.Purge(t.Context(), events.StreamQueue, lost.Subject)
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the task is back", func() bool {
		m, err := w.conn.Last(t.Context(), events.StreamQueue, work)
		return err == nil && m.Sequence > lost.Sequence
	})
	newWorld(t, func(c *mill.Config) {
		c.NATSURL, c.ArtifactDir, c.Roles = w.mill.BrokerURL(), w.cfg.DataDir+"/artifacts", []string{"stage:hash"}
	})
	if j := w.final(job); j.State != events.JobCompleted || j.Steps["only"].Attempt != 1 {
		t.Errorf("the job ended as %s after %d attempts: %+v", j.State, j.Steps["only"].Attempt, j.Fault)
	}
	if why := explained(t, c, job, "only"); strings.Contains(why.Why, "nobody") {
		t.Errorf("why in the end: %s", why.Why)
	}
}

// github.com/archivematica/Issues/issues/87: a transfer that a person has rejected says
// "Completed successfully". Here it is taken back, and nothing about it says completed.
func TestStoryArchivematica87Rejected(t *testing.T) {
	t.Parallel()
	w, c := storyWorld(t)
	w.apply("review", "    - { id: act, uses: simulate-effect@1 }\n    - { id: check, uses: simulate@1, with: { fail: { class: auth } } }\n    - { id: keep, uses: hash@1 }\n")
	job := w.accepted("review", inline("one", "content"))
	w.await(job, "attention", func(j events.Job) bool { return j.State == events.JobAttention })
	if _, err := c.Abandon(t.Context(), job, "not ours to keep"); err != nil {
		t.Fatal(err)
	}
	j := w.final(job)
	made := j.Steps["check"].Decision.Made
	if j.State != events.JobRolledBack || made == nil || made.Reason != "not ours to keep" || j.Steps["check"].State != events.StepFailed || j.Steps["keep"].State != events.StepCancelled {
		t.Errorf("the job ended as %s by %+v: %+v", j.State, made, j.Steps)
	}
	for _, r := range w.history(job) {
		if r.Type == flow.TypeJobCompleted || r.Job.State == events.JobCompleted {
			t.Errorf("record %d says %s", r.Revision, r.Type)
		}
	}
	listed := func(state events.JobState) (ids []string) {
		for it, err := range c.Jobs(t.Context(), api.JobQuery{States: []events.JobState{state}}) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, it.ID)
		}
		return ids
	}
	eventually(t, "it is listed as rolled back", func() bool { return slices.Equal(listed(events.JobRolledBack), []string{job}) })
	if done := listed(events.JobCompleted); len(done) > 0 {
		t.Errorf("listed as completed: %v", done)
	}
}

// github.com/restatedev/restate/issues/5079: an invocation that has used up its retries
// is paused, and nobody is told; one has to poll for it. Here the change is pushed, with
// what failed last and what may be done about it.
func TestStoryRestate5079Told(t *testing.T) {
	t.Parallel()
	told := make(chan []byte, 10)
	var secret atomic.Value
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n json.RawMessage
		hook, err := standardwebhooks.NewWebhook(secret.Load().(string))
		if err == nil {
			err = json.NewDecoder(r.Body).Decode(&n)
		}
		if err == nil {
			err = hook.Verify(n, r.Header)
		}
		if err != nil {
			t.Error(err)
		}
		told <- n
	}))
	t.Cleanup(receiver.Close)
	w, c := storyWorld(t)
	hook, err := c.CreateWebhook(t.Context(), api.WebhookRequest{URL: receiver.URL, Types: []string{flow.TypeJobAttention}})
	if err != nil {
		t.Fatal(err)
	}
	secret.Store(hook.Secret)
	w.apply("ask", "    - { id: model, uses: simulate@1, retry: { maxAttempts: 3, initial: 1ms, max: 1ms }, with: { fail: { class: unclassified, message: the provider said no } } }\n")
	job := w.accepted("ask", inline("one", "content"))
	var n events.Notification
	if err := json.Unmarshal(within(t, "somebody is told", told), &n); err != nil {
		t.Fatal(err)
	}
	d := n.Data
	if d.Job != job || d.Event != flow.TypeJobAttention || d.State != events.JobAttention || d.Fault == nil || d.Fault.Hint == "" {
		t.Fatalf("told %+v", d)
	}
	if f := d.Fault; f.Code != string(fault.SimulateFailed) || !strings.Contains(f.Message, "the provider said no") {
		t.Errorf("told of %+v", f)
	}
	why := explained(t, c, job, "model")
	if !slices.ContainsFunc(why.Choices, func(c events.Choice) bool { return c.Verb == events.VerbRetry }) {
		t.Errorf("a person may do %+v", why.Choices)
	}
	if r, err := w.last(job); err != nil || r.Job.Steps["model"].Spent != 3 {
		t.Errorf("%+v, %v", r.Job.Steps["model"], err)
	}
}

// github.com/archivematica/Issues/issues/1588: transfers get lost in currentlyProcessing:
// they fail for a reason that no log tells. Here the only worker is killed without a
// word in the middle of a job. The job is listed all the while with the step where it
// stands, and the next worker that comes brings it to its end.
func TestStoryArchivematica1588LostInProcessing(t *testing.T) {
	t.Parallel()
	asked, goOn := make(chan string, 10), make(chan struct{})
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		select {
		case <-goOn:
			_, _ = w.Write([]byte("content"))
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(source.Close)
	w, c := storyWorld(t, mill.RoleConductor, mill.RoleGateway, "stage:hash")
	worker := w.worker("stage:fetch")
	w.apply("take", "    - { id: get, uses: fetch@1 }\n    - { id: hash, uses: hash@1 }\n")
	job := w.accepted("take", events.Submission{Key: "one", Files: []events.Source{{Name: "a.txt", URL: source.URL + "/a"}}})
	within(t, "the worker is in the middle of it", asked)
	worker.kill()
	close(goOn)
	eventually(t, "it is listed with those that are not at an end", func() bool {
		for it, err := range c.Jobs(t.Context(), api.JobQuery{States: []events.JobState{events.JobAccepted, events.JobRunning}}) {
			return err == nil && it.ID == job
		}
		return false
	})
	if why := explained(t, c, job, "get"); why.State != string(events.StepQueued) || !strings.Contains(why.Why, "fetch@1") || why.Next == "" {
		t.Errorf("the step is %s, because %s; next: %s", why.State, why.Why, why.Next)
	}
	if err := worker.start(); err != nil {
		t.Fatal(err)
	}
	j := w.final(job)
	if files := j.Steps["hash"].Files; j.State != events.JobCompleted || len(files) != 1 || files[0].Size != int64(len("content")) {
		t.Errorf("the job ended as %s with %+v: %+v", j.State, files, j.Fault)
	}
}

// worker starts a process that works for the mill.
func (w *world) worker(role string) *process {
	w.t.Helper()
	p := newProcess(w.t, role, childConfig{Mill: &childMill{
		DataDir: w.t.TempDir(), NATSURL: w.mill.BrokerURL(), ArtifactDir: filepath.Join(w.cfg.DataDir, "artifacts"),
		Roles: []string{role}, Drain: -1, AllowPrivateNetworks: true,
	}})
	if err := p.start(); err != nil {
		w.t.Fatal(err)
	}
	return p
}
