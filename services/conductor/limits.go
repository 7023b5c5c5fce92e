package conductor

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// keepLimits does what a transition means for the limits of a job: attempts whose
// time is over are stopped, and the timers of a job that has ended are taken away,
// because they may be far in the future and count as work that is outstanding.
// None of it is needed for the job to end; what fails is logged.
func (c *Conductor) keepLimits(ctx context.Context, e *entry, p *flow.Plan, before events.Job, in events.Input) {
	if in.Timer != nil {
		switch in.Timer.Limit {
		case events.LimitDeadline:
			c.stopOpen(ctx, before)
		case events.LimitTotal:
			c.closeCheckpoints(ctx, before, in.Timer.Step)
		}
	}
	if !flow.Final(e.job.State) || flow.Final(before.State) || !timed(p, e.job) {
		return
	}
	if err := c.Broker.Purge(ctx, events.StreamQueue, events.TimersOf(e.key.tenant, e.key.job)); err != nil {
		c.Log.Warn("timers of limits not removed", "job", e.key.job, "error", err)
	}
}

// timed reports whether a job has, or had, timers for its limits.
func timed(p *flow.Plan, j events.Job) bool {
	if p.Deadline > 0 {
		return true
	}
	for _, st := range j.Steps {
		if !st.Until.IsZero() {
			return true
		}
	}
	return false
}
