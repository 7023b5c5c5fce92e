package gateway

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// subject is a job as it is, with the plan that it runs by.
type subject struct {
	m    *bus.Message
	rec  *events.Record
	plan *flow.Plan
}

// subject returns the job that the request names. Faults: job.not_found,
// pipeline.not_found, those of the bus.
func (x *exchange) subject() (*subject, error) {
	m, err := x.g.lastRecord(x.r.Context(), x.tenant, x.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return x.subjectOf(m)
}

// subjectOf returns the job of a record.
func (x *exchange) subjectOf(m *bus.Message) (*subject, error) {
	rec, err := decodeRecord(m)
	if err != nil {
		return nil, err
	}
	def, err := x.g.Pipelines.Version(x.r.Context(), x.tenant, rec.Job.Pipeline.Digest)
	if err != nil {
		return nil, err
	}
	return &subject{m: m, rec: rec, plan: def.Plan}, nil
}

// refuses turns an error into a refusal that says what the job takes instead. It
// returns nil for nil.
func (s *subject) refuses(err error) error {
	if err == nil {
		return nil
	}
	f := fault.From(err)
	p := problemOf(f)
	p.Allowed = flow.Allowed(s.plan, s.rec.Job)
	return &refusal{Problem: p, retryAfter: f.RetryAfter}
}

// allowed returns what the job of a record takes. It returns nothing when the
// pipeline cannot be read: the job can be shown all the same.
func (x *exchange) allowed(j *events.Job) []events.Choice {
	def, err := x.g.Pipelines.Version(x.r.Context(), x.tenant, j.Pipeline.Digest)
	if err != nil {
		x.g.Log.Debug("the pipeline of a job cannot be read", "request", x.id, "job", j.ID, "error", err)
		return nil
	}
	return flow.Allowed(def.Plan, *j)
}
