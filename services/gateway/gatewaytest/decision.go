package gatewaytest

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// Due lets the time of the decision about a step of a job pass, or of the one about
// its undo.
func (c *Conductor) Due(job, step string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.jobs[job]
	st := r.Job.Steps[step]
	timer := &events.TimerFired{Job: job, Tenant: r.Job.Tenant, Step: step, Limit: events.LimitDecision}
	d := st.Decision
	if st.Undo != nil && st.Undo.Decision != nil {
		d, timer.Undo = st.Undo.Decision, true
	}
	if d == nil {
		c.t.Errorf("nobody is asked about step %s of job %s", step, job)
		return
	}
	timer.Attempt = d.Asked
	c.apply(r, events.Input{Timer: timer})
}

// Decide makes the decision about a step of a job, in the name of ann.
func (c *Conductor) Decide(job, step string, choice events.DecisionChoice) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.jobs[job]
	cmd, ok := flow.Choosing(r.Job.Steps[step].Decision.ID, choice)
	if !ok {
		c.t.Errorf("%s is no choice", choice)
		return
	}
	cmd.By, cmd.Reason = "ann", "because"
	c.apply(r, events.Input{Control: &cmd})
}
