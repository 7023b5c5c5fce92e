package gateway

import (
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// getDecisions answers with the open decisions of a page of jobs.
func (g *Gateway) getDecisions(x *exchange) error {
	if g.Jobs == nil {
		return fault.New(fault.HTTPNotReady, "this process has no list of jobs", nil)
	}
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return badRequest("the query is malformed")
	}
	q, err := api.ParseDecisionQuery(values)
	if err != nil {
		return err
	}
	jobs, err := g.Jobs.List(x.r.Context(), x.tenant, jobsWithDecisions(q))
	if err != nil {
		return err
	}
	page := api.DecisionPage{Decisions: []api.Decision{}, NextCursor: jobs.NextCursor}
	for _, j := range jobs.Jobs {
		list, err := x.decisionsOf(j.ID, q)
		if err != nil {
			return err
		}
		page.Decisions = append(page.Decisions, list...)
	}
	if page.NextCursor != "" {
		q.Cursor = page.NextCursor
		x.w.Header().Add("Link", "</v1/decisions?"+q.Values().Encode()+`>; rel="next"`)
	}
	return x.json(200, page)
}

// jobsWithDecisions asks for the jobs that may have some.
func jobsWithDecisions(q api.DecisionQuery) api.JobQuery {
	states := []events.JobState{events.JobAttention, events.JobPaused}
	if q.Running {
		states = append(states, events.JobRunning, events.JobWaiting, events.JobCancelling, events.JobCompensating)
	}
	return api.JobQuery{States: states, Pipeline: q.Pipeline, Limit: q.Limit, Cursor: q.Cursor}
}

// decisionsOf returns what is open about a job now. A job whose records have passed
// their retention meanwhile has none.
func (x *exchange) decisionsOf(id string, q api.DecisionQuery) (list []api.Decision, err error) {
	m, err := x.g.lastRecord(x.r.Context(), x.tenant, id)
	if fault.Has(err, fault.JobNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := x.subjectOf(m)
	if err != nil {
		return nil, err
	}
	for _, d := range flow.OpenDecisions(s.plan, s.rec.Job) {
		late := d.Overdue > 0 || d.DueAt.Before(time.Now())
		if q.Class != "" && (d.Fault == nil || d.Fault.Class != q.Class) || q.Overdue && !late {
			continue
		}
		list = append(list, s.decision(d))
	}
	return list, nil
}

// getDecision answers with a decision, open or made, and the newest place that its
// step has saved.
func (g *Gateway) getDecision(x *exchange) error {
	s, d, err := x.decision(x.r.PathValue("id"))
	if err != nil {
		return err
	}
	shown := s.decision(*d)
	x.complete(&shown)
	return x.showDecision(200, shown)
}

func (x *exchange) showDecision(status int, d api.Decision) error {
	x.w.Header().Set("ETag", `"`+d.Version+`"`)
	x.w.Header().Set("Cache-Control", "no-cache")
	return x.json(status, d)
}

// decision finds a decision in its job. One that the same place has asked again
// since is found in the job's history. Faults: decision.not_found, those of the bus.
func (x *exchange) decision(id string) (*subject, *events.DecisionRecord, error) {
	at, ok := flow.ParseDecisionID(id)
	if !ok {
		return nil, nil, noDecision(id)
	}
	m, err := x.g.lastRecord(x.r.Context(), x.tenant, at.Job)
	if fault.Has(err, fault.JobNotFound) {
		return nil, nil, noDecision(id)
	}
	if err != nil {
		return nil, nil, err
	}
	s, err := x.subjectOf(m)
	if err != nil {
		return nil, nil, err
	}
	d, err := flow.DecisionOf(s.rec.Job, id)
	if fault.Has(err, fault.DecisionMade) {
		d, err = x.formerDecision(at.Job, id)
	}
	return s, d, err
}

// formerDecision finds the last that a job's history says of a decision.
func (x *exchange) formerDecision(job, id string) (last *events.DecisionRecord, err error) {
	err = x.g.Bus.Scan(x.r.Context(), bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.HistoryFilter(x.tenant, job)},
	}, func(m *bus.Message) error {
		rec, err := decodeRecord(m)
		if err != nil {
			return err
		}
		if d, err := flow.DecisionOf(rec.Job, id); err == nil {
			last = d
		} else if last != nil {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if last == nil {
		return nil, noDecision(id)
	}
	return last, nil
}

func noDecision(id string) error { return fault.New(fault.DecisionNotFound, fault.Clip(id, 200), nil) }

// complete adds the place that the step of an open decision has saved last, which
// can be newer than what its job knows of it.
func (x *exchange) complete(d *api.Decision) {
	if d.Undo || d.Made != nil {
		return
	}
	m, err := x.g.Bus.Last(x.r.Context(), events.StreamCheckpoints, events.CheckpointSubject(x.tenant, d.Job, d.Step))
	if err != nil {
		return // there is none, or the decision can be shown without it
	}
	var c events.Checkpoint
	if json.Unmarshal(m.Data, &c) != nil || c.Saves == 0 || d.Checkpoint != nil && c.Saves < d.Checkpoint.Number {
		return
	}
	d.Checkpoint = &events.DecisionPlace{
		Number: c.Saves, Done: c.Done, Total: c.Total, Percent: checkpoint.Percent(c.Done, c.Total),
	}
}
