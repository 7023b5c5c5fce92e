package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/gateway"
)

// rerun asks for the rerun of a job.
func (p *person) rerun(id, body string, headers ...string) answer {
	p.t.Helper()
	return ask(p.t, "POST", p.url(id, "/rerun"), strings.NewReader(body),
		append([]string{"Content-Type", "application/json"}, headers...)...)
}

// completed is a job that has ended.
func (p *person) completed() string {
	p.t.Helper()
	id := p.job()
	p.Conductor.Outcome(id, nil)
	return id
}

func TestRerunMakesAnotherJob(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	id := p.completed()
	listed := slices.ContainsFunc(p.see(id).Allowed, func(c events.Choice) bool { return c.Verb == events.VerbRerun })
	same(t, "listed as allowed", listed, true)
	const body = `{"from_step":"keep","reason":"the disk was full","key":"k2"}`
	var receipt events.Receipt
	a := p.rerun(id, body)
	a.into(t, http.StatusAccepted, &receipt)
	same(t, "location", a.Header.Get("Location"), "/v1/jobs/"+receipt.Job)
	j := p.see(receipt.Job).Job
	same(t, "rerun", j.Rerun, &events.Rerun{Job: id, Revision: 3, FromStep: "keep", Reason: "the disk was full", By: "http"})
	same(t, "reused", j.Steps["last"].Reuse, &events.Reuse{Reused: true, Reason: events.ReuseUnchanged, Job: id})
	same(t, "not reused", j.Steps["keep"].Reuse, &events.Reuse{Reason: events.ReuseFromStep})
	a = p.rerun(id, body)
	a.into(t, http.StatusOK, &receipt)
	same(t, "replayed", a.Header.Get(api.HeaderReplayed), "true")
	p.rerun(id, `{"key":"k2"}`).problem(t, 422, "submit.key_reused")
	p.rerun(id, `{"key":"k2"}`, api.HeaderIdempotencyKey, "k3").problem(t, 400, "http.bad_key")

	var e api.Explanation
	ask(t, "GET", p.url(receipt.Job, "/explain"), nil).into(t, 200, &e)
	for _, r := range e.Reasons {
		switch r.Step {
		case "last":
			same(t, "explained", r.Reuse.Reason, events.ReuseUnchanged)
		case "keep":
			same(t, "explained", r.Reuse.Reason, events.ReuseFromStep)
		}
	}
}

func TestDryRunOfARerun(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	id := p.completed()
	before := len(p.Conductor.Submissions())
	var plan api.RerunPlan
	p.rerun(id, `{"from_step":"last","dry_run":true}`).into(t, http.StatusOK, &plan)
	if plan.Job != id || plan.Revision != 3 || plan.Pipeline.Name != "strict" || len(plan.Steps) != 2 {
		t.Fatalf("%+v", plan)
	}
	same(t, "keep", plan.Steps[0].Decision+" "+string(plan.Steps[0].Reason), "reuse unchanged")
	same(t, "last", plan.Steps[1].Decision+" "+string(plan.Steps[1].Reason), "run from_step")
	same(t, "submissions", len(p.Conductor.Submissions()), before)

	// The newest version has another step in the place of the last one.
	_, _, err := p.Pipelines.Apply(t.Context(), events.DefaultTenant, []byte(strings.Replace(strict, "id: last", "id: end", 1)))
	if err != nil {
		t.Fatal(err)
	}
	p.rerun(id, `{"pipeline_version":"newest","dry_run":true}`).into(t, http.StatusOK, &plan)
	same(t, "end", string(plan.Steps[1].Reason), "new_step")
	refused := p.rerun(id, `{"pipeline_version":"newest","from_step":"last","dry_run":true}`).problem(t, 422, "rerun.unknown_step")
	if !strings.Contains(refused.Detail, "keep, end") {
		t.Errorf("the steps are not named: %s", refused.Detail)
	}
	p.rerun(id, `{"pipeline_version":"newest","from_step":"last"}`).problem(t, 422, "rerun.unknown_step")
}

func TestRerunIsRefused(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	id, live := p.completed(), p.job()
	for _, body := range []string{``, `{"dry_run":true}`} {
		refused := p.rerun(live, body).problem(t, 409, "job.not_allowed")
		same(t, "allowed instead", refused.Allowed, p.see(live).Allowed)
	}
	p.rerun("nobody", ``).problem(t, 404, "job.not_found")
	for name, tc := range map[string]struct {
		body    string
		status  int
		code    string
		pointer string
	}{
		"no object":         {`[]`, 400, "http.bad_request", ""},
		"unknown member":    {`{"step":"keep"}`, 400, "http.bad_request", ""},
		"a strange version": {`{"pipeline_version":"old"}`, 400, "submit.invalid", "/pipeline_version"},
		"a strange step":    {`{"from_step":"A.B"}`, 400, "submit.invalid", "/from_step"},
		"params a list":     {`{"params":[]}`, 400, "submit.invalid", "/params"},
		"unknown params":    {`{"params":{"x":1},"dry_run":true}`, 422, "submit.bad_params", "/params"},
		"a long reason":     {`{"reason":"` + strings.Repeat("x", 1025) + `"}`, 400, "submit.invalid", "/reason"},
	} {
		t.Run(name, func(t *testing.T) {
			refused := p.rerun(id, tc.body).problem(t, tc.status, tc.code)
			if tc.pointer != "" && (len(refused.Errors) == 0 || refused.Errors[0].Pointer != tc.pointer) {
				t.Errorf("%+v", refused.Errors)
			}
		})
	}
	// It has one door, which says who asks.
	ask(t, "POST", p.URL+"/v1/jobs", strings.NewReader(`{"pipeline":"strict","rerun":{"job":"`+id+`","by":"somebody else"}}`),
		"Content-Type", "application/json").problem(t, 400, "submit.invalid")
	ask(t, "POST", p.url(id, "/rerun"), strings.NewReader("x"), "Content-Type", "text/plain").
		problem(t, 415, "http.unsupported_media_type")
}
