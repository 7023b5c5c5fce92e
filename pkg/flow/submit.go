package flow

import (
	"github.com/millrace/millrace/events"
)

// submitted makes the job. Its first steps become due at once, unless it is a rerun
// that has their results.
func submitted(p *Plan, j events.Job, a *events.Accepted, env Env) (*change, error) {
	if j.State != jobNew {
		return nil, nil
	}
	if a.Pipeline.Name != p.Name || a.Pipeline.Digest != p.Digest {
		return nil, bug("plan " + p.Name + " " + p.Digest + " is not that of the submission")
	}
	if err := checkRerun(p, a.Rerun); err != nil {
		return nil, err
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
		Rerun:       a.Rerun,
	}, env)
	c.job.AcceptedAt = c.now
	c.job.Steps = make(map[string]events.Step, len(p.Steps))
	c.moveJob(JobSubmitted)
	for i := range p.Steps {
		st := events.Step{Stage: p.Steps[i].Stage}
		c.moveStep(&st, StepAdded)
		if prior, ok := a.Prior[p.Steps[i].ID]; ok {
			st.Prior = &prior
		}
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
