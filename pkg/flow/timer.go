package flow

import "github.com/millrace/millrace/events"

// fired makes the next attempt, or undo, of a step due. It does not look at the
// clock: whoever fires the timer has waited, by a clock that may differ from the
// one of the record.
func fired(p *Plan, j events.Job, t *events.TimerFired, env Env) *change {
	s := p.find(t.Step)
	switch {
	case t.Job != j.ID || t.Tenant != j.Tenant:
		return nil
	case t.Limit == events.LimitDeadline:
		return overdue(p, j, env)
	case s == nil:
		return nil
	case t.Limit == events.LimitTotal:
		return exceeded(p, j, s, env)
	case t.Limit == events.LimitDecision:
		return undecided(p, j, s, t, env)
	}
	st := j.Steps[s.ID]
	if t.Undo {
		return firedUndo(p, j, s, t, env)
	}
	if st.State != events.StepRetrying || st.Attempt != t.Attempt || j.State == events.JobPaused {
		return nil
	}
	c := newChange(p, j, env)
	c.wake()
	st.Settle = "" // a person's word holds for one attempt
	c.queue(s, st)
	c.cause(TypeStepRetried, s.ID, c.job.Steps[s.ID].Attempt, false)
	return c
}

func firedUndo(p *Plan, j events.Job, s *Step, t *events.TimerFired, env Env) *change {
	st := j.Steps[s.ID]
	u := st.Undo
	if u == nil || u.State != events.UndoRetrying || u.Attempt != t.Attempt || j.State == events.JobPaused {
		return nil
	}
	c := newChange(p, j, env)
	if j.Goal == "" {
		c.wake()
	}
	st.Settle = ""
	c.queueUndo(s, st, *u)
	c.cause(TypeUndoRetried, s.ID, u.Attempt+1, true)
	return c
}
