package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
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

// asked is a person, and a job that needs one.
func asked(t *testing.T, fault string) (*person, string) {
	t.Helper()
	p := newPerson(t, gateway.Limits{CommandTimeout: 2 * time.Second})
	id := p.job()
	p.Conductor.Outcome(id, class(fault))
	return p, id
}

func (p *person) decision(id string) (api.Decision, string) {
	p.t.Helper()
	var d api.Decision
	a := ask(p.t, "GET", p.URL+"/v1/decisions/"+id, nil)
	a.into(p.t, 200, &d)
	return d, a.Header.Get("ETag")
}

// decide answers a decision.
func (p *person) decide(id, tag string, choice events.DecisionChoice, reason string) answer {
	p.t.Helper()
	data, err := json.Marshal(api.DecisionAnswer{Choice: choice, Reason: reason})
	if err != nil {
		p.t.Fatal(err)
	}
	headers := []string{"Content-Type", "application/json"}
	if tag != "" {
		headers = append(headers, "If-Match", tag)
	}
	return ask(p.t, "POST", p.URL+"/v1/decisions/"+id, reader(data), headers...)
}

func TestDecisionIsReadAndMade(t *testing.T) {
	t.Parallel()
	p, job := asked(t, "unknown_effect")
	id := job + ".keep"
	d, tag := p.decision(id)
	var choices []events.DecisionChoice
	for _, c := range d.Choices {
		choices = append(choices, c.Choice)
		same(t, "means", c.Means, flow.Means(c.Choice))
	}
	same(t, "choices", choices, []events.DecisionChoice{
		events.ChooseEffectDone, events.ChooseEffectNotDone, events.ChooseForceSkip, events.ChooseAbandon, events.ChooseCancel,
	})
	same(t, "due", d.DueAt, d.OpenedAt.Add(72*time.Hour))
	d.OpenedAt, d.DueAt, d.Choices = time.Time{}, time.Time{}, nil
	same(t, "decision", d, api.Decision{
		ID: id, Version: "1", Job: job, State: events.JobAttention, Pipeline: "strict", Step: "keep", Stage: "noop@1",
		Default: events.ChooseRemind, Attempts: 1, Effect: "order", Fault: class("unknown_effect"),
	})
	same(t, "etag", tag, `"1"`)

	p.decide(id, "", events.ChooseCancel, "").problem(t, 428, "decision.no_revision")
	p.decide(id, "*", events.ChooseCancel, "").problem(t, 428, "decision.no_revision")
	p.decide(id, `"2"`, events.ChooseCancel, "").problem(t, 412, "decision.stale")
	for _, choice := range []events.DecisionChoice{events.ChooseRetry, events.ChooseRemind, "dance"} {
		bad := p.decide(id, tag, choice, "").problem(t, 409, "decision.bad_choice")
		if !strings.Contains(bad.Detail, "effect_done, effect_not_done, force_skip, abandon, cancel") {
			t.Errorf("detail %q", bad.Detail)
		}
	}
	var made api.Decision
	a := p.decide(id, tag, events.ChooseEffectNotDone, "it is not in their books")
	a.into(t, http.StatusAccepted, &made)
	same(t, "etag", a.Header.Get("ETag"), `"1-made"`)
	same(t, "made", *made.Made, events.DecisionMade{
		At: made.Made.At, By: "http", Choice: events.ChooseEffectNotDone, Reason: "it is not in their books",
	})
	same(t, "choices", made.Choices, nil)
	same(t, "settled", p.see(job).Job.Steps["keep"].Settle, events.SettleNotDone)
	twice := p.decide(id, tag, events.ChooseCancel, "").problem(t, 409, "decision.made")
	for _, want := range []string{"effect_not_done", "by http", "it is not in their books", made.Made.At.UTC().Format(time.RFC3339)} {
		if !strings.Contains(twice.Detail, want) {
			t.Errorf("detail %q lacks %s", twice.Detail, want)
		}
	}
}

// TestDecisionOfBefore is found though the same place has asked again, twice.
func TestDecisionOfBefore(t *testing.T) {
	t.Parallel()
	p, job := asked(t, "auth")
	for _, id := range []string{".keep", ".keep.2"} {
		p.decide(job+id, p.tag(job+id), events.ChooseRetry, "try "+id).into(t, 202, new(api.Decision))
		p.Conductor.Outcome(job, class("auth"))
	}
	for _, id := range []string{".keep", ".keep.2"} {
		d, tag := p.decision(job + id)
		if d.Made == nil || d.Made.Reason != "try "+id || d.ID != job+id {
			t.Errorf("decision %+v", d)
		}
		p.decide(job+id, tag, events.ChooseRetry, "").problem(t, 409, "decision.made")
	}
	third, _ := p.decision(job + ".keep.3")
	same(t, "open", third.Made, nil)
	for _, none := range []string{job + ".keep.4", job + ".last", job + ".none", "none.keep", "none", job + ".keep.undo", "a.b.c"} {
		ask(t, "GET", p.URL+"/v1/decisions/"+none, nil).problem(t, 404, "decision.not_found")
		p.decide(none, `"1"`, events.ChooseRetry, "").problem(t, 404, "decision.not_found")
	}
}

func (p *person) tag(id string) string {
	p.t.Helper()
	_, tag := p.decision(id)
	return tag
}

func TestReminderMakesWhatWasLookedAtStale(t *testing.T) {
	t.Parallel()
	p, job := asked(t, "auth")
	id := job + ".keep"
	_, tag := p.decision(id)
	p.Conductor.Due(job, "keep")
	p.decide(id, tag, events.ChooseRetry, "").problem(t, 412, "decision.stale")
	d, tag := p.decision(id)
	same(t, "overdue", d.Overdue, 1)
	p.decide(id, tag, events.ChooseRetry, "").into(t, 202, &d)
}

func TestDecisionAboutAnUndo(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	job := p.job()
	states["undo"](p, job)
	id := job + ".keep.undo"
	d, tag := p.decision(id)
	if !d.Undo || d.State != events.JobAttention {
		t.Errorf("decision %+v", d)
	}
	p.decide(id, tag, events.ChooseAccept, "").problem(t, 409, "job.not_allowed")
	p.decide(id, tag, events.ChooseAccept, "nothing is left").into(t, 202, &d)
	same(t, "choice", d.Made.Choice, events.ChooseAccept)
}

// TestDecisionKnowsTheNewestCheckpoint though the job does not.
func TestDecisionKnowsTheNewestCheckpoint(t *testing.T) {
	t.Parallel()
	p, job := asked(t, "auth")
	data, err := json.Marshal(events.Checkpoint{Job: job, Saves: 4, Done: 48, Total: 64})
	if err != nil {
		t.Fatal(err)
	}
	subject := events.CheckpointSubject("default", job, "keep")
	if err := p.Conn.Publish(t.Context(), bus.Out{Subject: subject, ID: "c", Data: data}); err != nil {
		t.Fatal(err)
	}
	d, _ := p.decision(job + ".keep")
	same(t, "checkpoint", d.Checkpoint, &events.DecisionPlace{Number: 4, Done: 48, Total: 64, Percent: 75})
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	p, job := asked(t, "auth")
	for _, body := range []string{``, `{}`, `[]`, `{"choice":1}`, `{"choice":"retry","who":"me"}`, `{"choice":"retry","reason":1}`} {
		a := ask(t, "POST", p.URL+"/v1/decisions/"+job+".keep", strings.NewReader(body), "Content-Type", "application/json", "If-Match", `"1"`)
		a.problem(t, 400, "http.bad_request")
	}
	ask(t, "POST", p.URL+"/v1/decisions/"+job+".keep", strings.NewReader("retry"), "If-Match", `"1"`).
		problem(t, 415, "http.unsupported_media_type")
	long := strings.Repeat("x", 1025)
	p.decide(job+".keep", `"1"`, events.ChooseRetry, long).problem(t, 400, "http.bad_request")
	same(t, "state", p.see(job).Job.State, events.JobAttention)
}

// TestSomebodyElseDecidesMeanwhile is told to whoever was slower.
func TestSomebodyElseDecidesMeanwhile(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{CommandTimeout: 500 * time.Millisecond})
	job := p.job()
	p.Conductor.Outcome(job, class("auth"))
	p.Conductor.Deaf()
	body := reader([]byte(`{"choice":"retry","reason":"slow"}`))
	got := later(t, "POST", p.URL+"/v1/decisions/"+job+".keep", body, "Content-Type", "application/json", "If-Match", `"1"`)
	eventually(t, "the command", func() error {
		_, err := p.Conn.Last(t.Context(), events.StreamControl, events.ControlSubject("default", job))
		return err
	})
	p.Conductor.Decide(job, "keep", events.ChooseAbandon)
	refused := arrived(t, got).problem(t, 409, "decision.made")
	if !strings.Contains(refused.Detail, "abandon") || !strings.Contains(refused.Detail, "ann") {
		t.Errorf("detail %q", refused.Detail)
	}
}

func TestOpenDecisionsAreListed(t *testing.T) {
	t.Parallel()
	jobs := &jobsAsked{}
	w := gatewaytest.New(t, gateway.Config{Jobs: jobs})
	w.Conductor.Rules(flow.Rules)
	p := &person{w, t}
	if _, _, err := w.Pipelines.Apply(t.Context(), events.DefaultTenant, []byte(strict)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"auth", "bug", "auth"} {
		id := p.job()
		p.Conductor.Outcome(id, class(c))
		jobs.ids = append(jobs.ids, id)
	}
	p.must(jobs.ids[2], events.VerbCancel, api.Order{}) // the list lags behind
	jobs.ids = append(jobs.ids, "gone")
	list := func(query string) (ids []string) {
		t.Helper()
		var page api.DecisionPage
		a := ask(t, "GET", w.URL+"/v1/decisions"+query, nil)
		a.into(t, 200, &page)
		for _, d := range page.Decisions {
			ids = append(ids, strings.TrimSuffix(d.ID, ".keep"))
		}
		same(t, "next", page.NextCursor, "more")
		if link := a.Header.Get("Link"); !strings.Contains(link, "/v1/decisions?") || !strings.Contains(link, "cursor=more") {
			t.Errorf("link %q", link)
		}
		return ids
	}
	same(t, "all", list(""), jobs.ids[:2])
	same(t, "states", jobs.asked.States, []events.JobState{events.JobAttention, events.JobPaused})
	same(t, "class", list("?class=bug&pipeline=strict&limit=7&running=true"), jobs.ids[1:2])
	same(t, "query", []any{jobs.asked.Pipeline, jobs.asked.Limit, len(jobs.asked.States)}, []any{"strict", 7, 6})
	same(t, "overdue", list("?overdue=true"), nil)
	p.Conductor.Due(jobs.ids[0], "keep")
	same(t, "overdue", list("?overdue=true"), jobs.ids[:1])
	for _, query := range []string{"?class=odd", "?overdue=1", "?limit=0", "?state=attention", "?pipeline=A", "?class=bug&class=auth"} {
		ask(t, "GET", w.URL+"/v1/decisions"+query, nil).problem(t, 400, "http.bad_request")
	}
	none := gatewaytest.New(t, gateway.Config{})
	ask(t, "GET", none.URL+"/v1/decisions", nil).problem(t, 503, "http.not_ready")
}

// jobsAsked is a list of jobs that notes what it is asked for.
type jobsAsked struct {
	ids   []string
	asked api.JobQuery
}

func (l *jobsAsked) List(_ context.Context, _ string, q api.JobQuery) (page api.JobPage, err error) {
	l.asked = q
	for _, id := range l.ids {
		page.Jobs = append(page.Jobs, api.JobItem{ID: id, State: events.JobAttention})
	}
	page.NextCursor = "more"
	return page, nil
}
