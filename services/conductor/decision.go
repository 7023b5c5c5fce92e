package conductor

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// keepDecisions does what a transition means for the decisions of a job: those that
// were opened, made or missed are logged, and the timers of those that were made are
// taken away, because they may be days in the future. None of it is needed for the
// job to go on: a timer that nobody took away finds that nothing is open.
func (c *Conductor) keepDecisions(ctx context.Context, e *entry, p *flow.Plan, before events.Job) {
	open := make(map[string]int)
	for _, d := range flow.OpenDecisions(p, e.job) {
		open[d.ID] = d.Asked
	}
	had := make(map[string]int)
	for _, d := range flow.OpenDecisions(p, before) {
		had[d.ID] = d.Asked
		if _, still := open[d.ID]; !still {
			c.Meter.Decided()
			c.decided(ctx, e, d.ID)
		}
	}
	for id, asked := range open {
		switch was, known := had[id]; {
		case !known:
			c.Meter.Asked()
			c.Log.Info("a person is needed", "decision", id, "tenant", e.key.tenant)
		case was != asked:
			c.Meter.Overdue()
			c.Log.Warn("nobody has decided in time", "decision", id, "tenant", e.key.tenant, "asked", asked)
		}
	}
}

// decided logs how a decision ended and takes its timer away.
func (c *Conductor) decided(ctx context.Context, e *entry, id string) {
	if d, err := flow.DecisionOf(e.job, id); err == nil && d.Made != nil {
		c.Log.Info("decision made", "decision", id, "tenant", e.key.tenant, "choice", d.Made.Choice, "by", d.Made.By)
	}
	at, _ := flow.ParseDecisionID(id)
	subject := events.LimitSubject(e.key.tenant, at.Job, at.Step, events.LimitDecision)
	if err := c.Broker.Purge(ctx, events.StreamQueue, subject); err != nil {
		c.Log.Warn("timer of a decision not removed", "decision", id, "error", err)
	}
}

// decisionTimerID names the timer of a decision, each time that it is asked anew.
func decisionTimerID(k jobKey, d events.DueItem, reissue int) string {
	step := d.Step + "~" + string(events.LimitDecision)
	if d.Undo {
		step += "/undo"
	}
	return events.TimerID(k.tenant, k.job, step, d.Attempt, reissue)
}
