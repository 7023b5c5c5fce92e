package gateway_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// strict is a pipeline whose step is tried one time, and so is its undo.
const strict = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata: { name: strict }
spec:
  steps:
    - id: keep
      uses: noop@1
      retry: { maxAttempts: 1 }
    - id: last
      uses: noop@1
      needs: []
      critical: false
`

// person is a world in which a person gives orders to jobs of the pipeline strict.
type person struct {
	*gatewaytest.World
	t *testing.T
}

func newPerson(t *testing.T, limits gateway.Limits) *person {
	t.Helper()
	w := gatewaytest.New(t, gateway.Config{Limits: limits})
	w.Conductor.Rules(flow.Rules)
	if _, _, err := w.Pipelines.Apply(t.Context(), events.DefaultTenant, []byte(strict)); err != nil {
		t.Fatal(err)
	}
	return &person{w, t}
}

// job is a new job whose second step is done.
func (p *person) job() string {
	p.t.Helper()
	id := submit(p.t, p.World, strings.Replace(oneFile, "keep", "strict", 1)).Job
	p.Conductor.Answer(id, "last", false, nil)
	return id
}

func (p *person) url(id, rest string) string { return p.URL + "/v1/jobs/" + id + rest }

func (p *person) see(id string) api.Job {
	p.t.Helper()
	var j api.Job
	ask(p.t, "GET", p.url(id, ""), nil).into(p.t, 200, &j)
	return j
}

// order asks for verb, with headers in pairs.
func (p *person) order(id string, verb events.Verb, o api.Order, headers ...string) answer {
	p.t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		p.t.Fatal(err)
	}
	return ask(p.t, "POST", p.url(id, "/"+string(verb)), reader(data),
		append([]string{"Content-Type", "application/json"}, headers...)...)
}

// must gives an order that takes effect.
func (p *person) must(id string, verb events.Verb, o api.Order) api.Job {
	p.t.Helper()
	var j api.Job
	p.order(id, verb, o).into(p.t, http.StatusAccepted, &j)
	return j
}

// plan reads the plan of a rollback, and the entity tag that it came with.
func (p *person) plan(id string) (api.Rollback, string) {
	p.t.Helper()
	var r api.Rollback
	a := ask(p.t, "GET", p.url(id, "/rollback"), nil)
	a.into(p.t, 200, &r)
	return r, a.Header.Get("ETag")
}

func class(c string) *events.Fault {
	return &events.Fault{Code: "test." + c, Class: c, Message: "no luck"}
}

// states make a job of each kind that a person may find.
var states = map[string]func(p *person, id string){
	"accepted": func(*person, string) {},
	"waiting":  func(p *person, id string) { p.Conductor.Outcome(id, class("dependency_down")) },
	"paused":   func(p *person, id string) { p.must(id, events.VerbPause, api.Order{}) },
	"attention": func(p *person, id string) {
		p.Conductor.Outcome(id, class("auth"))
	},
	"unknown":    func(p *person, id string) { p.Conductor.Outcome(id, class("unknown_effect")) },
	"cancelling": func(p *person, id string) { p.must(id, events.VerbCancel, api.Order{}) },
	"undo": func(p *person, id string) {
		p.must(id, events.VerbCancel, api.Order{})
		p.Conductor.Outcome(id, class("cancelled"))
		p.Conductor.Answer(id, "keep", true, class("policy"))
	},
	"completed": func(p *person, id string) { p.Conductor.Outcome(id, nil) },
	"cancelled": func(p *person, id string) {
		p.must(id, events.VerbCancel, api.Order{})
		p.Conductor.Outcome(id, class("cancelled"))
		p.Conductor.Answer(id, "keep", true, nil)
		p.Conductor.Answer(id, "last", true, nil)
	},
}

// TestEveryVerbInEveryState gives every order to a job in every state. Where it is
// refused, what is allowed instead is said, and is what the job itself says.
func TestEveryVerbInEveryState(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	takes := map[events.Verb]map[string]int{
		events.VerbCancel: {
			"accepted": 202, "waiting": 202, "paused": 202, "attention": 202, "unknown": 202, "cancelling": 200, "cancelled": 200,
		},
		events.VerbRetry:    {"waiting": 202, "attention": 202, "unknown": 202, "undo": 202},
		events.VerbAbandon:  {"attention": 202, "unknown": 202, "undo": 202},
		events.VerbPause:    {"accepted": 202, "waiting": 202, "attention": 202, "unknown": 202, "paused": 200},
		events.VerbResume:   {"paused": 202},
		events.VerbSkip:     {"waiting": 202, "attention": 202, "unknown": 202},
		events.VerbAccept:   {"undo": 202},
		events.VerbRollback: {"completed": 202},
	}
	for state, reach := range states {
		for _, verb := range flow.Verbs() {
			t.Run(state+"/"+string(verb), func(t *testing.T) {
				p := &person{p.World, t}
				id := p.job()
				reach(p, id)
				o, headers := p.say(id, verb, state)
				before := p.see(id)
				a := p.order(id, verb, o, headers...)
				switch want := takes[verb][state]; want {
				case 0:
					refused := a.problem(t, 409, "job.not_allowed")
					same(t, "allowed", refused.Allowed, before.Allowed)
					if refused.Hint == "" || before.Job.State != p.see(id).Job.State {
						t.Errorf("hint %q, state %s", refused.Hint, p.see(id).Job.State)
					}
				default:
					var j api.Job
					a.into(t, want, &j)
					same(t, "changed", j.Revision > before.Revision, want == 202)
					listed := slices.ContainsFunc(before.Allowed, func(c events.Choice) bool { return c.Verb == verb })
					same(t, "listed before", listed, want == 202)
				}
			})
		}
	}
}

// say is all that an order must say in a state.
func (p *person) say(id string, verb events.Verb, state string) (api.Order, []string) {
	p.t.Helper()
	o := api.Order{Reason: "why"}
	switch verb {
	case events.VerbSkip:
		o.Step, o.Force = "keep", true
	case events.VerbAccept:
		o.Step = "keep"
	case events.VerbRetry:
		if state == "unknown" {
			o.Effect = events.SettleNotDone
		}
	case events.VerbRollback:
		o.Plan = "sha256:0"
		tag := ask(p.t, "GET", p.url(id, ""), nil).Header.Get("ETag")
		if state == "completed" {
			var plan api.Rollback
			plan, tag = p.plan(id)
			o.Plan = plan.Digest
		}
		return o, []string{"If-Match", tag}
	}
	return o, nil
}

func TestEachVerbTakesItsOwnMembers(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	id := p.job()
	members := map[string]string{
		"reason": `"x"`, "step": `"keep"`, "force": `true`, "effect": `"done"`, "plan": `"sha256:0"`, "irreversible": `true`,
	}
	post := func(verb events.Verb, body string) answer {
		t.Helper()
		return ask(t, "POST", p.url(id, "/"+string(verb)), strings.NewReader(body), "Content-Type", "application/json")
	}
	for _, verb := range flow.Verbs() {
		for name, value := range members {
			a := post(verb, `{"`+name+`":`+value+`,"other":1}`)
			problem := a.problem(t, 400, "http.bad_request")
			unknown := "other"
			if !slices.Contains(flow.Members(verb), name) {
				unknown = name
			}
			for _, want := range append([]string{string(verb), `"` + unknown + `"`}, flow.Members(verb)...) {
				if !strings.Contains(problem.Detail, want) {
					t.Errorf("%s with %s: %s", verb, name, problem.Detail)
				}
			}
		}
	}
	for body, verb := range map[string]events.Verb{
		`{"step":"A.B"}`: events.VerbSkip, `{"step":1}`: events.VerbSkip, `{"force":"yes"}`: events.VerbSkip,
		`{"effect":"perhaps"}`: events.VerbRetry, `{"effect":""}`: events.VerbRetry,
		`{"plan":"` + strings.Repeat("p", 256) + `"}`: events.VerbRollback, `{"irreversible":1}`: events.VerbRollback,
		`{"reason":"a","reason":"b"}`: events.VerbPause,
	} {
		post(verb, body).problem(t, 400, "http.bad_request")
	}
}

func TestRefusalNamesTheStepsThatMayBeNamed(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	id := p.job()
	p.Conductor.Outcome(id, class("auth"))
	want := []events.Choice{
		{Verb: events.VerbAbandon},
		{Verb: events.VerbCancel},
		{Verb: events.VerbPause},
		{Verb: events.VerbRetry, Steps: []string{"keep"}},
		{Verb: events.VerbSkip, Steps: []string{"keep"}, Needs: []string{"step", "force"}},
	}
	for _, o := range []api.Order{{}, {Step: "nobody"}, {Step: "last"}, {Step: "keep"}} {
		same(t, "allowed", p.order(id, events.VerbSkip, o).problem(t, 409, "job.not_allowed").Allowed, want)
	}
	same(t, "allowed", p.see(id).Allowed, want)
}

func TestRollbackNeedsItsPreconditions(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	id := p.job()
	ask(t, "GET", p.url(id, "/rollback"), nil).problem(t, 409, "job.not_allowed")
	p.Conductor.Outcome(id, nil)
	plan, tag := p.plan(id)
	same(t, "revision", plan.Revision, p.see(id).Revision)
	same(t, "job", plan.Job, id)
	if len(plan.Steps) != 2 || plan.Steps[0].Step != "keep" || plan.Steps[1].Step != "last" || !plan.Steps[0].Reversible {
		t.Errorf("plan %+v", plan)
	}
	full := api.Order{Plan: plan.Digest, Reason: "wrong customer"}
	for _, c := range []struct {
		o       api.Order
		headers []string
		status  int
		code    string
	}{
		{full, nil, 428, "job.no_revision"},
		{full, []string{"If-Match", "*"}, 428, "job.no_revision"},
		{full, []string{"If-Match", `"1"`}, 412, "job.stale_revision"},
		{api.Order{Plan: plan.Digest}, []string{"If-Match", tag}, 428, "rollback.no_reason"},
		{api.Order{Plan: "sha256:0", Reason: "why"}, []string{"If-Match", tag}, 412, "rollback.stale_plan"},
		{api.Order{Reason: "why"}, []string{"If-Match", tag}, 412, "rollback.stale_plan"},
	} {
		problem := p.order(id, events.VerbRollback, c.o, c.headers...).problem(t, c.status, c.code)
		same(t, "allowed", problem.Allowed, p.see(id).Allowed)
		if problem.Hint == "" {
			t.Errorf("%s has no hint", c.code)
		}
	}
	var j api.Job
	a := p.order(id, events.VerbRollback, full, "If-Match", tag)
	a.into(t, 202, &j)
	same(t, "state", j.Job.State, events.JobCompensating)
	same(t, "reason", j.Job.Reason, "wrong customer")
	if got := a.Header.Get("ETag"); got == tag || got == "" {
		t.Errorf("etag %s after %s", got, tag)
	}
	// What is under way already is no mistake, though the tag is that of before.
	p.order(id, events.VerbRollback, full, "If-Match", tag).into(t, 200, &j)
	p.Conductor.Answer(id, "keep", true, nil)
	p.Conductor.Answer(id, "last", true, nil)
	same(t, "state", p.see(id).Job.State, events.JobRolledBack)
	p.order(id, events.VerbRollback, full, "If-Match", tag).problem(t, 412, "job.stale_revision")
}

func TestAnyCommandMayNameARevision(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	id := p.job()
	p.order(id, events.VerbPause, api.Order{}, "If-Match", `"1"`).problem(t, 412, "job.stale_revision")
	tag := ask(t, "GET", p.url(id, ""), nil).Header.Get("ETag")
	var j api.Job
	p.order(id, events.VerbPause, api.Order{}, "If-Match", tag).into(t, 202, &j)
	same(t, "state", j.Job.State, events.JobPaused)
}

// TestJobThatIsRolledBackIsLiveAgain follows and waits for a job across its end and
// the rollback.
func TestJobThatIsRolledBackIsLiveAgain(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{MaxWait: 20 * time.Second})
	id := p.job()
	p.Conductor.Outcome(id, nil)
	plan, tag := p.plan(id)
	var before []string
	s := openStream(t, p.url(id, "/events"), "")
	for e, more := s.read(t); more; e, more = s.read(t) {
		before = append(before, e.event)
	}
	s.close()
	same(t, "until the end", before, []string{"job.accepted", "job.running", "job.completed", "end"})

	var j api.Job
	p.order(id, events.VerbRollback, api.Order{Plan: plan.Digest, Reason: "why"}, "If-Match", tag).into(t, 202, &j)
	follow := openStream(t, p.url(id, "/events"), "")
	defer follow.close()
	end := later(t, "GET", p.url(id, ""), nil, "Prefer", "wait=20")
	p.Conductor.Answer(id, "keep", true, nil)
	p.Conductor.Answer(id, "last", true, nil)
	arrived(t, end).into(t, 200, &j)
	same(t, "state", j.Job.State, events.JobRolledBack)
	for _, again := range []*sse{follow, openStream(t, p.url(id, "/events"), "")} {
		var got []string
		for e, more := again.read(t); more; e, more = again.read(t) {
			if e.comment == "" {
				got = append(got, e.event)
			}
		}
		again.close()
		same(t, "the whole history", got, []string{
			"job.accepted", "job.running", "job.completed", "job.compensating", "undo.succeeded", "job.rolled_back", "end",
		})
	}
}

func TestRollbackThatTakesLong(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{CommandTimeout: 100 * time.Millisecond})
	id := p.job()
	p.Conductor.Outcome(id, nil)
	p.Conductor.Deaf()
	plan, tag := p.plan(id)
	var j api.Job
	p.order(id, events.VerbRollback, api.Order{Plan: plan.Digest, Reason: "why"}, "If-Match", tag).into(t, 202, &j)
	same(t, "state", j.Job.State, events.JobCompleted)
}

// TestCommandThatSomethingElseForestalled is refused with what is allowed now.
func TestCommandThatSomethingElseForestalled(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{CommandTimeout: 500 * time.Millisecond})
	id := p.job()
	p.Conductor.Outcome(id, class("dependency_down"))
	p.Conductor.Deaf()
	body := reader([]byte(`{"step":"keep","force":true}`))
	got := later(t, "POST", p.url(id, "/skip"), body, "Content-Type", "application/json")
	var m *bus.Message
	eventually(t, "the command", func() (err error) {
		m, err = p.Conn.Last(t.Context(), events.StreamControl, events.ControlSubject("default", id))
		return err
	})
	same(t, "id of the command", m.ID, "default/"+id+"/skip/3/keep")
	p.Conductor.Fire(id, "keep")
	problem := arrived(t, got).problem(t, 409, "job.not_allowed")
	same(t, "allowed", problem.Allowed, []events.Choice{{Verb: events.VerbCancel}, {Verb: events.VerbPause}})
}

func TestExplain(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	id := p.job()
	p.Conductor.Outcome(id, class("dependency_down"))
	var e api.Explanation
	a := ask(t, "GET", p.url(id, "/explain"), nil)
	a.into(t, 200, &e)
	j := p.see(id)
	same(t, "etag", a.Header.Get("ETag"), ask(t, "GET", p.url(id, ""), nil).Header.Get("ETag"))
	same(t, "revision", e.Revision, j.Revision)
	if len(e.Reasons) != 3 || e.Reasons[1].Step != "keep" {
		t.Fatalf("reasons %+v", e.Reasons)
	}
	keep := e.Reasons[1]
	same(t, "until", keep.Until, j.Job.Steps["keep"].RetryAt)
	same(t, "fault", keep.Fault, j.Job.Steps["keep"].Fault)
	same(t, "state", keep.State, "retrying")
	if !strings.Contains(keep.Why, "which does not count") || keep.Next == "" || len(keep.Choices) == 0 {
		t.Errorf("reason %+v", keep)
	}
	ask(t, "GET", p.url("nope", "/explain"), nil).problem(t, 404, "job.not_found")
	ask(t, "GET", p.url("nope", "/rollback"), nil).problem(t, 404, "job.not_found")
}
