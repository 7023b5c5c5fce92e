package gateway

import (
	"context"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/flow"
)

// getExplain answers why a job and its steps stand where they stand, and whether
// anybody is there for those that are with a stage.
func (g *Gateway) getExplain(x *exchange) error {
	s, err := x.subject()
	if err != nil {
		return err
	}
	e := api.Explanation{Revision: s.rec.Revision, Job: s.rec.Job.ID, Reasons: []api.Reason{}}
	for _, r := range flow.Explain(s.plan, s.rec.Job) {
		e.Reasons = append(e.Reasons, api.Reason(r))
	}
	g.attended(x.r.Context(), s.rec.Job, e.Reasons)
	return x.revision(s.m, e)
}

// attended adds to the reasons of what is with a stage when nobody takes its tasks.
// The records do not know that: the broker does. One that cannot be asked leaves the
// reasons as they are.
func (g *Gateway) attended(ctx context.Context, j events.Job, reasons []api.Reason) {
	var served map[string]bool
	for i := range reasons {
		r := &reasons[i]
		stage, consumer := awaited(j, *r)
		if consumer == "" {
			continue
		}
		if served == nil {
			backlogs, err := g.Bus.Backlogs(ctx, events.StreamQueue)
			if err != nil {
				g.Log.Debug("nobody says who takes tasks", "job", j.ID, "error", err)
				return
			}
			served = make(map[string]bool, len(backlogs))
			for _, b := range backlogs {
				served[b.Consumer] = b.Served()
			}
		}
		if !served[consumer] {
			r.Why += "; nobody takes tasks of stage " + stage + " at this moment"
			r.Next = "a worker of stage " + stage + ": none runs, or all of them rest until a circuit " +
				"closes or there is room on their disks"
		}
	}
}

// awaited returns the stage that a reason waits for, and the consumer by which its
// workers get their tasks. Both are empty when it waits for something else.
func awaited(j events.Job, r api.Reason) (stage, consumer string) {
	if r.Step == "" {
		return "", ""
	}
	stage, _, _ = strings.Cut(j.Steps[r.Step].Stage, "@")
	switch {
	case r.Undo && r.State == string(events.UndoQueued):
		return stage, events.UndoConsumer(stage)
	case !r.Undo && r.State == string(events.StepQueued):
		return stage, events.StageConsumer(stage)
	}
	return "", ""
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
