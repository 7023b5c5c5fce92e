package gateway

import (
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/flow"
)

// getExplain answers why a job and its steps stand where they stand.
func (g *Gateway) getExplain(x *exchange) error {
	s, err := x.subject()
	if err != nil {
		return err
	}
	e := api.Explanation{Revision: s.rec.Revision, Job: s.rec.Job.ID, Reasons: []api.Reason{}}
	for _, r := range flow.Explain(s.plan, s.rec.Job) {
		e.Reasons = append(e.Reasons, api.Reason(r))
	}
	return x.revision(s.m, e)
}

// getRollback answers what a rollback of a job would do.
func (g *Gateway) getRollback(x *exchange) error {
	s, err := x.subject()
	if err != nil {
		return err
	}
	plan, err := flow.Rollback(s.plan, s.rec.Job)
	if err != nil {
		return s.refuses(err)
	}
	r := api.Rollback{Revision: s.rec.Revision, Job: plan.Job, Digest: plan.Digest, Steps: []api.RollbackStep{}}
	for _, step := range plan.Steps {
		r.Steps = append(r.Steps, api.RollbackStep(step))
	}
	return x.revision(s.m, r)
}
