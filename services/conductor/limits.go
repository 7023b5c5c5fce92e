package conductor

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// keepLimits does what a transition means for the limits of a job: attempts whose
// time is over are stopped. It is not needed for the job to end; what fails is logged.
func (c *Conductor) keepLimits(ctx context.Context, before events.Job, in events.Input) {
	if in.Timer == nil {
		return
	}
	switch in.Timer.Limit {
	case events.LimitDeadline:
		c.stopOpen(ctx, before)
	case events.LimitTotal:
		c.closeCheckpoints(ctx, before, in.Timer.Step)
	}
}

// endTimers takes the timers of a job away that has ended, because they may be far in
// the future and count as work that is outstanding. It is done again when the input
// comes again that ended the job: whoever ended it may have been killed, or cut off
// from the broker, before it came to this.
func (c *Conductor) endTimers(ctx context.Context, e *entry, p *flow.Plan) error {
	if !flow.Final(e.job.State) || !timed(p, e.job) {
		return nil
	}
	return c.Broker.Purge(ctx, events.StreamQueue, events.TimersOf(e.key.tenant, e.key.job))
}

// timed reports whether a job has, or had, timers for its limits or for what a person
// was to decide.
func timed(p *flow.Plan, j events.Job) bool {
	if p.Deadline > 0 {
		return true
	}
	for _, st := range j.Steps {
		if !st.Until.IsZero() || st.Decision != nil || st.Undo != nil && st.Undo.Decision != nil {
			return true
		}
	}
	return false
}
