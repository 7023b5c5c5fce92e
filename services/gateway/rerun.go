package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/rerun"
	"github.com/millrace/millrace/schemas"
)

// maxRerun bounds the request for a rerun in bytes: it may hold parameters.
const maxRerun = schemas.MaxParamsBytes + 16<<10

// postRerun makes another job of one that has ended. It answers like a submission,
// or for a dry run with the plan. That the job has not ended is refused with what it
// takes instead.
func (g *Gateway) postRerun(x *exchange) error {
	var r api.RerunRequest
	if err := x.rerunRequest(&r); err != nil {
		return err
	}
	m, err := g.lastRecord(x.r.Context(), x.tenant, x.r.PathValue("id"))
	if err != nil {
		return err
	}
	before, err := decodeRecord(m)
	if err != nil {
		return err
	}
	s := submission{tenant: x.tenant, pipeline: before.Job.Pipeline.Name, traceparent: traceOf(x.r.Header)}
	if s.key, err = chooseKey(x.r.Header, r.Key, "the member key of the body"); err != nil {
		return err
	}
	if s.key == "" {
		s.key = newID() // repeating the message must not make a second job
	}
	ask := r.Submission(before.Job.ID, s.key, r.Reason, x.by(""))
	if s.payload, err = json.Marshal(ask); err != nil {
		return badRequest("the body is not a request for a rerun")
	}
	if err := checkRerun(s.payload); err != nil {
		return err
	}
	if r.DryRun {
		return x.rerunRefused(&before.Job, g.planRerun(x, &ask))
	}
	if err := x.act(r.Reason, ""); err != nil {
		return err
	}
	return x.rerunRefused(&before.Job, g.answerSubmission(x, s))
}

// rerunRequest reads the body, which may be missing. A member that is not known is
// refused, so that nobody takes it for heard.
func (x *exchange) rerunRequest(r *api.RerunRequest) error {
	data, err := x.readBody(maxRerun)
	if err != nil || len(data) == 0 {
		return err
	}
	if t := x.mediaType(); t != events.ContentTypeJSON {
		return fault.New(fault.HTTPUnsupportedMediaType, "send application/json, or no body", nil)
	}
	if _, err := readFields(data); err != nil {
		return badRequest("the body is not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return badRequest("the body is not a request for a rerun: " + err.Error())
	}
	return nil
}

// checkRerun compares a request with the schema of submissions. What it complains of
// in the rerun stands in the body itself.
func checkRerun(payload []byte) error {
	list := schemas.Validate("submission", payload)
	for i := range list {
		list[i].Pointer = strings.TrimPrefix(list[i].Pointer, "/rerun")
	}
	if len(list) == 0 {
		return nil
	}
	return withErrors(fault.Code(list[0].Code), list[0].Pointer+": "+list[0].Detail, list)
}

// planRerun answers what a rerun would do.
func (g *Gateway) planRerun(x *exchange, ask *events.Submission) error {
	r := rerun.Reader{Records: g.Bus, Pipelines: g.Pipelines, Artifacts: g.Store}
	f, err := r.Read(x.r.Context(), x.tenant, ask)
	if err != nil {
		return err
	}
	if list := f.Complaints(); len(list) > 0 {
		return withErrors(fault.Code(list[0].Code), list[0].Pointer+": "+list[0].Detail, list)
	}
	steps, err := flow.PlanRerun(f.Definition.Plan, f.Accepted())
	if err != nil {
		return err
	}
	plan := api.RerunPlan{
		Job: f.Rerun.Job, Revision: f.Rerun.Revision,
		Pipeline: events.PipelineRef{Name: f.Definition.Name, Digest: f.Definition.Digest},
	}
	for _, s := range steps {
		plan.Steps = append(plan.Steps, api.RerunStep{
			Step: s.Step, Stage: s.Stage, Decision: string(s.Decision), Reason: s.Reason, Why: s.Why, Job: s.Job,
		})
	}
	return x.json(http.StatusOK, plan)
}

// rerunRefused adds to the refusal of a job that has not ended what it takes.
func (x *exchange) rerunRefused(j *events.Job, err error) error {
	if err == nil {
		return nil
	}
	var r *refusal
	if !errors.As(err, &r) {
		f := fault.From(err)
		r = &refusal{Problem: problemOf(f), retryAfter: f.RetryAfter}
	}
	if r.Code != string(fault.JobNotAllowed) {
		return err
	}
	r.Allowed = x.allowed(j)
	return r
}
