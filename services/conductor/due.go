package conductor

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// publishDue publishes what a record made due, and returns when the broker has
// all of it. reissue is 0, or the number of a repair.
func (c *Conductor) publishDue(ctx context.Context, e *entry, p *flow.Plan, due []events.DueItem, reissue int) error {
	if len(due) == 0 {
		return nil
	}
	outs := make([]bus.Out, 0, len(due))
	for _, d := range due {
		o, err := dueMessage(e, p, d, reissue)
		if err != nil {
			return err
		}
		outs = append(outs, o)
	}
	return c.Broker.Publish(ctx, outs...)
}

// publishOutstanding publishes everything that the job's state says is due.
func (c *Conductor) publishOutstanding(ctx context.Context, e *entry, p *flow.Plan, reissue int) error {
	if e.sequence == 0 || flow.Final(e.job.State) {
		return nil
	}
	return c.publishDue(ctx, e, p, flow.Outstanding(p, e.job), reissue)
}

func dueMessage(e *entry, p *flow.Plan, d events.DueItem, reissue int) (bus.Out, error) {
	if d.Kind == events.DueTimer {
		return timerMessage(e.key, d, reissue)
	}
	task, err := flow.Task(p, e.job, d, e.revision)
	if err != nil {
		return bus.Out{}, err
	}
	data, err := json.Marshal(task)
	if err != nil {
		return bus.Out{}, fault.New(fault.InternalBug, "encode a task", err)
	}
	stage, _, _ := strings.Cut(task.Stage, "@")
	t, j, s := e.key.tenant, e.key.job, d.Step
	o := bus.Out{Header: map[string]string{events.HeaderContentType: events.ContentTypeJSON}, Data: data}
	if e.job.Traceparent != "" {
		o.Header[events.HeaderTraceparent] = e.job.Traceparent
	}
	if d.Kind == events.DueUndo {
		o.Subject, o.ID = events.UndoSubject(stage, t, j, s), events.UndoID(t, j, s, d.Attempt, reissue)
	} else {
		o.Subject, o.ID = events.WorkSubject(stage, t, j, s), events.WorkID(t, j, s, d.Attempt, reissue)
	}
	return o, nil
}

func timerMessage(k jobKey, d events.DueItem, reissue int) (bus.Out, error) {
	data, err := json.Marshal(events.TimerFired{
		Job: k.job, Tenant: k.tenant, Step: d.Step, Attempt: d.Attempt, Undo: d.Undo,
	})
	if err != nil {
		return bus.Out{}, fault.New(fault.InternalBug, "encode a timer", err)
	}
	id := events.TimerID(k.tenant, k.job, d.Step, d.Attempt, reissue)
	if d.Undo {
		id = events.TimerID(k.tenant, k.job, d.Step+"/undo", d.Attempt, reissue)
	}
	return bus.Out{
		Subject: events.TimerSubject(k.tenant, k.job, d.Step), ID: id,
		Header: map[string]string{events.HeaderContentType: events.ContentTypeJSON},
		Data:   data, At: d.At, Target: events.DueSubject(k.tenant, k.job),
	}, nil
}

// signalCancel tells running stages to stop. The signal may be lost: a stage
// also reads the job's record before it starts anything it did not see arrive.
func (c *Conductor) signalCancel(j events.Job) {
	if err := c.Broker.Send(events.CancelledSubject(j.Tenant, j.ID), nil, nil); err != nil {
		c.Log.Warn("cancel signal not sent", "job", j.ID, "error", err)
	}
}
