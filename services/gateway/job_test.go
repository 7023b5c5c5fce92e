package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

func TestGetJob(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	r := submit(t, w, oneFile)
	u := w.URL + "/v1/jobs/" + r.Job
	a := ask(t, "GET", u, nil)
	var j api.Job
	a.into(t, 200, &j)
	same(t, "revision", j.Revision, 1)
	same(t, "id", j.Job.ID, r.Job)
	same(t, "state", j.Job.State, events.JobAccepted)
	same(t, "etag", a.Header.Get("ETag"), `"1"`)
	same(t, "not modified", ask(t, "GET", u, nil, "If-None-Match", `"1"`).StatusCode, 304)
	same(t, "modified", ask(t, "GET", u, nil, "If-None-Match", `"7"`).StatusCode, 200)
	same(t, "HEAD", ask(t, "HEAD", u, nil).StatusCode, 200)

	ask(t, "GET", u, nil, "Millrace-Tenant", "other").problem(t, 404, "job.not_found")
	for _, id := range []string{"nope", "%2A", "%3E", "a.b", "A", strings.Repeat("a", 65), "%00", "a%20b"} {
		ask(t, "GET", w.URL+"/v1/jobs/"+id, nil).problem(t, 404, "job.not_found")
		ask(t, "GET", w.URL+"/v1/jobs/"+id+"/events", nil).problem(t, 404, "job.not_found")
		ask(t, "GET", w.URL+"/v1/jobs/"+id+"/events", nil, "Accept", "text/event-stream").problem(t, 404, "job.not_found")
		ask(t, "POST", w.URL+"/v1/jobs/"+id+"/cancel", nil).problem(t, 404, "job.not_found")
	}
}

func TestLongPoll(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{MaxWait: 20 * time.Second}})
	r := submit(t, w, oneFile)
	u := w.URL + "/v1/jobs/" + r.Job
	next := later(t, "GET", u, nil, "If-None-Match", `"1"`, "Prefer", "wait=600")
	end := later(t, "GET", u, nil, "Prefer", `wait="20"; x=y`)
	w.Conductor.Note(r.Job, 10)
	a := arrived(t, next)
	same(t, "etag", a.Header.Get("ETag"), `"2"`)
	same(t, "granted", a.Header.Get("Preference-Applied"), "wait=20")
	w.Conductor.Outcome(r.Job, nil)
	a = arrived(t, end)
	var j api.Job
	a.into(t, 200, &j)
	same(t, "state", j.Job.State, events.JobCompleted)

	a = ask(t, "GET", u, nil, "If-None-Match", a.Header.Get("ETag"), "Prefer", "wait=1")
	same(t, "nothing new", a.StatusCode, 304)
	a = ask(t, "GET", u, nil, "Prefer", "wait=20")
	same(t, "final already", a.StatusCode, 200)
}

// TestLongPollMissesNothing lets many clients follow a job by long poll while it
// changes as fast as it can: each must see the last revision.
func TestLongPollMissesNothing(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	r := submit(t, w, oneFile)
	const clients, changes = 6, 40
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			known := `"1"`
			for known != strconv.Quote(strconv.Itoa(changes+1)) {
				start := time.Now()
				a := ask(t, "GET", w.URL+"/v1/jobs/"+r.Job, nil, "If-None-Match", known, "Prefer", "wait=10")
				if a.StatusCode == 304 {
					t.Errorf("no change after %s for %s", time.Since(start), known)
					return
				}
				known = a.Header.Get("ETag")
			}
		})
	}
	for range changes {
		w.Conductor.Note(r.Job, 10)
	}
	wg.Wait()
}

func TestStopEndsWaiting(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	r := submit(t, w, oneFile)
	before := w.Server.NumSubscriptions()
	got := later(t, "GET", w.URL+"/v1/jobs/"+r.Job, nil, "If-None-Match", `"1"`, "Prefer", "wait=60")
	eventually(t, "the request waits", func() error {
		if w.Server.NumSubscriptions() <= before {
			return errors.New("it does not listen yet")
		}
		return nil
	})
	w.Stop()
	same(t, "status", arrived(t, got).StatusCode, 304)
}

func TestTooManyFollowers(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{Followers: 1}})
	r := submit(t, w, oneFile)
	u := w.URL + "/v1/jobs/" + r.Job
	s := openStream(t, u+"/events", "")
	defer s.close()
	s.next(t)
	a := ask(t, "GET", u, nil, "If-None-Match", `"1"`, "Prefer", "wait=5")
	a.problem(t, 503, "http.too_busy")
	same(t, "retry after", a.Header.Get("Retry-After"), "1")
}

// pages is a list of jobs.
type pages struct {
	asked api.JobQuery
	page  api.JobPage
	err   error
}

func (p *pages) List(_ context.Context, tenant string, q api.JobQuery) (api.JobPage, error) {
	p.asked = q
	if tenant != "default" {
		return api.JobPage{}, nil
	}
	return p.page, p.err
}

func TestListJobs(t *testing.T) {
	t.Parallel()
	list := &pages{page: api.JobPage{Jobs: []api.JobItem{{ID: "a", State: events.JobRunning}}, NextCursor: "c/2"}}
	w := gatewaytest.New(t, gateway.Config{Jobs: list})
	a := ask(t, "GET", w.URL+"/v1/jobs?state=running,failed&state=waiting&pipeline=keep&label.k=v&limit=7&cursor=x", nil)
	var p api.JobPage
	a.into(t, 200, &p)
	same(t, "page", p, list.page)
	same(t, "query", list.asked, api.JobQuery{
		States:   []events.JobState{events.JobRunning, events.JobFailed, events.JobWaiting},
		Pipeline: "keep", Labels: map[string]string{"k": "v"}, Limit: 7, Cursor: "x",
	})
	same(t, "link", a.Header.Get("Link"),
		`</v1/jobs?cursor=c%2F2&label.k=v&limit=7&pipeline=keep&state=running&state=failed&state=waiting>; rel="next"`)
	a = ask(t, "GET", w.URL+"/v1/jobs", nil, "Millrace-Tenant", "other")
	same(t, "no jobs are an empty list", string(a.body), `{"jobs":[]}`)

	for _, q := range []string{
		"state=happy", "state=", "limit=0", "limit=501", "limit=x", "limit=1&limit=2", "pipline=x", "pipeline=*",
		"label.=x", "q=1", "%zz",
	} {
		ask(t, "GET", w.URL+"/v1/jobs?"+q, nil).problem(t, 400, "http.bad_request")
	}
	list.err = errors.New("no luck")
	ask(t, "GET", w.URL+"/v1/jobs", nil).problem(t, 500, "stage.unclassified")
	list.err = fault.New(fault.BusUnreachable, "", nil)
	a = ask(t, "GET", w.URL+"/v1/jobs", nil)
	a.problem(t, 503, "bus.unreachable")
	same(t, "retry after", a.Header.Get("Retry-After"), "1")

	w = gatewaytest.New(t, gateway.Config{})
	ask(t, "GET", w.URL+"/v1/jobs", nil).problem(t, 503, "http.not_ready")
}

func TestCommands(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	command := func(job, verb, body string) answer {
		t.Helper()
		return ask(t, "POST", w.URL+"/v1/jobs/"+job+"/"+verb, strings.NewReader(body), "Content-Type", "application/json")
	}
	state := func(a answer, status int) events.JobState {
		t.Helper()
		var j api.Job
		a.into(t, status, &j)
		return j.Job.State
	}

	job := submit(t, w, oneFile).Job
	command(job, "retry", "").problem(t, 409, "job.not_allowed")
	command(job, "abandon", "{}").problem(t, 409, "job.not_allowed")
	// Its step is at work, so the job waits for it before it is cancelled.
	same(t, "cancel", state(command(job, "cancel", `{"reason":"wrong file"}`), 202), events.JobCancelling)
	same(t, "cancel again", state(command(job, "cancel", ""), 200), events.JobCancelling)
	w.Conductor.Outcome(job, &events.Fault{Code: "job.cancelled", Class: "cancelled"})
	var j api.Job
	ask(t, "GET", w.URL+"/v1/jobs/"+job, nil).into(t, 200, &j)
	same(t, "state", j.Job.State, events.JobCancelled)
	same(t, "reason", j.Job.Reason, "wrong file")
	same(t, "cancel a cancelled job", state(command(job, "cancel", ""), 200), events.JobCancelled)

	job = submit(t, w, oneFile).Job
	w.Conductor.Outcome(job, nil)
	p := command(job, "cancel", "").problem(t, 409, "job.not_allowed")
	if !strings.Contains(p.Detail, "completed") {
		t.Errorf("the detail does not name the state: %s", p.Detail)
	}

	job = submit(t, w, oneFile).Job
	w.Conductor.Outcome(job, &events.Fault{Code: "fetch.denied", Class: "auth"})
	same(t, "retry", state(command(job, "retry", ""), 202), events.JobRunning)
	w.Conductor.Outcome(job, &events.Fault{Code: "fetch.denied", Class: "auth"})
	same(t, "abandon", state(command(job, "abandon", ""), 202), events.JobFailed)

	for _, c := range []struct {
		body   string
		status int
		code   string
	}{
		{`[]`, 400, "http.bad_request"},
		{`{"reason":1}`, 400, "http.bad_request"},
		{`{"why":"x"}`, 400, "http.bad_request"},
		{`{"reason":"` + strings.Repeat("r", 1025) + `"}`, 400, "http.bad_request"},
		{`{"reason":"` + strings.Repeat("r", 20000) + `"}`, 413, "http.too_large"},
	} {
		command(job, "cancel", c.body).problem(t, c.status, c.code)
	}
	a := ask(t, "POST", w.URL+"/v1/jobs/"+job+"/cancel", strings.NewReader("reason=x"),
		"Content-Type", "application/x-www-form-urlencoded")
	a.problem(t, 415, "http.unsupported_media_type")
	a = ask(t, "POST", w.URL+"/v1/jobs/"+job+"/explode", nil)
	a.problem(t, 404, "http.not_found")
}

func TestCommandThatTakesLong(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{CommandTimeout: 100 * time.Millisecond}})
	w.Conductor.Deaf()
	job := submit(t, w, oneFile).Job
	var j api.Job
	ask(t, "POST", w.URL+"/v1/jobs/"+job+"/cancel", nil).into(t, http.StatusAccepted, &j)
	same(t, "state", j.Job.State, events.JobAccepted)
}

func TestCommandThatComesTooLate(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	w.Conductor.Deaf()
	job := submit(t, w, oneFile).Job
	got := later(t, "POST", w.URL+"/v1/jobs/"+job+"/cancel", nil)
	var m *bus.Message
	eventually(t, "the command", func() (err error) {
		m, err = w.Conn.Last(t.Context(), events.StreamControl, events.ControlSubject("default", job))
		return err
	})
	same(t, "id of the command", m.ID, "default/"+job+"/cancel/1")
	var cmd events.Command
	if err := json.Unmarshal(m.Data, &cmd); err != nil {
		t.Fatal(err)
	}
	same(t, "command", cmd, events.Command{Verb: events.VerbCancel, By: "http"})
	w.Conductor.Outcome(job, nil)
	p := arrived(t, got).problem(t, 409, "job.not_allowed")
	if !strings.Contains(p.Detail, "completed") {
		t.Errorf("detail %q", p.Detail)
	}
}
