package conductor

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/tracing"
)

// issue says how a task is published.
type issue struct {
	// again says that it may have been published, and run, before.
	again bool
	// repair is 0, or the number of a repair, which makes another message id.
	repair int
}

// publishDue publishes what a record made due, and returns when the broker has
// all of it.
func (c *Conductor) publishDue(ctx context.Context, e *entry, p *flow.Plan, due []events.DueItem, how issue) error {
	if len(due) == 0 {
		return nil
	}
	outs := make([]bus.Out, 0, len(due))
	for _, d := range due {
		o, err := dueMessage(e, p, d, how)
		if err != nil {
			return err
		}
		outs = append(outs, o)
	}
	return c.Broker.Publish(ctx, outs...)
}

// publishOutstanding publishes everything that the job's state says is due.
func (c *Conductor) publishOutstanding(ctx context.Context, e *entry, p *flow.Plan) error {
	if e.revision == 0 || flow.Final(e.job.State) {
		return nil
	}
	if e.job.State == events.JobCancelling {
		c.stopOpen(ctx, e.job)
	}
	return c.publishDue(ctx, e, p, flow.Outstanding(p, e.job), issue{again: true})
}

func dueMessage(e *entry, p *flow.Plan, d events.DueItem, how issue) (bus.Out, error) {
	if d.Kind == events.DueTimer {
		return timerMessage(e.key, d, how.repair)
	}
	task, err := flow.Task(p, e.job, d, e.revision)
	if err != nil {
		return bus.Out{}, err
	}
	task.Reissue = how.again
	data, err := json.Marshal(task)
	if err != nil {
		return bus.Out{}, fault.New(fault.InternalBug, "encode a task", err)
	}
	stage, _, _ := strings.Cut(task.Stage, "@")
	t, j, s := e.key.tenant, e.key.job, d.Step
	o := bus.Out{Header: map[string]string{
		events.HeaderContentType: events.ContentTypeJSON,
		events.HeaderTraceparent: tracing.Job(t, j, e.job.Traceparent).String(),
	}, Data: data}
	if d.Kind == events.DueUndo {
		o.Subject, o.ID = events.UndoSubject(stage, t, j, s), events.UndoID(t, j, s, d.Attempt, how.repair)
	} else {
		o.Subject, o.ID = events.WorkSubject(stage, t, j, s), events.WorkID(t, j, s, d.Attempt, how.repair)
	}
	return o, nil
}

func timerMessage(k jobKey, d events.DueItem, reissue int) (bus.Out, error) {
	data, err := json.Marshal(events.TimerFired{
		Job: k.job, Tenant: k.tenant, Step: d.Step, Attempt: d.Attempt, Undo: d.Undo, Limit: d.Limit,
	})
	if err != nil {
		return bus.Out{}, fault.New(fault.InternalBug, "encode a timer", err)
	}
	id := events.TimerID(k.tenant, k.job, d.Step, d.Attempt, reissue)
	switch {
	case d.Limit == events.LimitDecision:
		id = decisionTimerID(k, d, reissue)
	case d.Limit != "":
		id = events.LimitID(k.tenant, k.job, d.Step, d.Limit, reissue)
	case d.Undo:
		id = events.TimerID(k.tenant, k.job, d.Step+"/undo", d.Attempt, reissue)
	}
	return bus.Out{
		Subject: timerSubject(k, d), ID: id,
		Header: map[string]string{events.HeaderContentType: events.ContentTypeJSON},
		Data:   data, At: d.At, Target: events.DueSubject(k.tenant, k.job),
	}, nil
}

// timerSubject is where the timer of a due item waits.
func timerSubject(k jobKey, d events.DueItem) string {
	if d.Limit != "" {
		return events.LimitSubject(k.tenant, k.job, d.Step, d.Limit)
	}
	return events.TimerSubject(k.tenant, k.job, d.Step)
}
