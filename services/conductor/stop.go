package conductor

import (
	"context"
	"crypto/rand"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/checkpoint"
)

// stopOpen tells the open attempts of a job that is being cancelled to stop, by
// two doors: a signal that is fast and may be lost, and the end of their
// checkpoints, which refuses whatever they would save. Neither is needed for the
// job to be cancelled: an attempt that hears of nothing answers, and is too late.
func (c *Conductor) stopOpen(ctx context.Context, j events.Job) {
	if err := c.Broker.Send(events.CancelledSubject(j.Tenant, j.ID), nil, nil); err != nil {
		c.Log.Warn("cancel signal not sent", "job", j.ID, "error", err)
	}
	c.closeCheckpoints(ctx, j, "")
}

// closeCheckpoints ends the checkpoints of the open attempts of a step, or of all
// steps when that is empty.
func (c *Conductor) closeCheckpoints(ctx context.Context, j events.Job, step string) {
	var outs []bus.Out
	for id, st := range j.Steps {
		if st.State != events.StepQueued || step != "" && step != id {
			continue
		}
		k := checkpoint.Key{Tenant: j.Tenant, Job: j.ID, Step: id}
		outs = append(outs, bus.Out{
			Subject: events.CheckpointSubject(j.Tenant, j.ID, id), ID: rand.Text(),
			Header: map[string]string{events.HeaderContentType: events.ContentTypeJSON},
			Data:   checkpoint.Closing(k, st.Stage, st.Attempt, now()),
		})
	}
	if len(outs) == 0 {
		return
	}
	if err := c.Broker.Publish(ctx, outs...); err != nil {
		c.Log.Warn("checkpoints not closed", "job", j.ID, "error", err)
	}
}
