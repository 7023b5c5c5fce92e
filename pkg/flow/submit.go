package flow

import (
	"github.com/millrace/millrace/events"
)

// submitted makes the job. Its first steps become due at once.
func submitted(p *Plan, j events.Job, a *events.Accepted, env Env) (*change, error) {
	if j.State != jobNew {
		return nil, nil
	}
	if a.Pipeline.Name != p.Name || a.Pipeline.Digest != p.Digest {
		return nil, bug("plan " + p.Name + " " + p.Digest + " is not that of the submission")
	}
	c := newChange(p, events.Job{
		ID:          a.Job,
		Tenant:      a.Tenant,
		Pipeline:    a.Pipeline,
		Key:         a.Key,
		Fingerprint: a.Fingerprint,
		Files:       a.Files,
		Params:      a.Params,
		Labels:      a.Labels,
		Traceparent: a.Traceparent,
		Rules:       a.Rules,
	}, env)
	c.job.AcceptedAt = c.now
	c.job.Steps = make(map[string]events.Step, len(p.Steps))
	c.moveJob(JobSubmitted)
	for i := range p.Steps {
		st := events.Step{Stage: p.Steps[i].Stage}
		c.moveStep(&st, StepAdded)
		c.job.Steps[p.Steps[i].ID] = st
	}
	c.settle()
	if !c.tally().queued {
		c.moveJob(JobStarted)
	}
	c.conclude()
	if watched(p, c.job) {
		c.due = append(c.due, deadlineItem(p, c.job))
	}
	return c, nil
}
