package flow

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// answered applies a stage's answer to an attempt or an undo, and what a rule says
// of the fault in it; g may be nil.
func answered(p *Plan, j events.Job, o *events.AttemptOutcome, g *events.Ruling, env Env) (*change, error) {
	s := p.find(o.Step)
	switch {
	case j.State == jobNew || o.Job != j.ID || o.Tenant != j.Tenant:
		return nil, unknownOutcome(o, "no such job")
	case s == nil:
		return nil, unknownOutcome(o, "no such step")
	case !verdicts[o.Verdict]:
		return nil, unknownOutcome(o, "no such verdict")
	case !expected(j.Steps[s.ID], o):
		return nil, nil
	case o.Verdict == events.VerdictResumed:
		return resumed(p, j, o, env), nil
	}
	c := newChange(p, j, env)
	c.ruling = g
	c.wake()
	st := c.job.Steps[s.ID]
	switch {
	case o.Undo && o.Verdict == events.VerdictSucceeded:
		c.undone(s, st)
	case o.Undo:
		st.Effect = o.Effect
		c.undoFailed(s, st, faultOf(o))
	case o.Verdict == events.VerdictSucceeded:
		c.succeeded(s, st, o)
	default:
		st.Effect = o.Effect
		c.failed(s, st, faultOf(o))
	}
	c.settle()
	c.conclude()
	return c, nil
}

// verdicts are those that a stage may give.
var verdicts = map[events.Verdict]bool{
	events.VerdictSucceeded: true, events.VerdictFailed: true, events.VerdictResumed: true,
}

// resumed notes where an open attempt goes on. It is no answer, so nothing else
// moves. A claim that is not newer than the one that is known is stale.
func resumed(p *Plan, j events.Job, o *events.AttemptOutcome, env Env) *change {
	st := j.Steps[o.Step]
	if o.Undo || o.Resumed == nil || st.Resumed != nil && o.Resumed.Claim <= st.Resumed.Claim {
		return nil
	}
	c := newChange(p, j, env)
	c.cause(TypeStepResumed, o.Step, o.Attempt, false)
	st.Resumed = o.Resumed
	c.job.Steps[o.Step] = st
	return c
}

func unknownOutcome(o *events.AttemptOutcome, why string) error {
	return fault.New(fault.JobUnknownOutcome, "apply answer for step "+o.Step+" of job "+o.Job+
		" with verdict "+string(o.Verdict)+": "+why, nil)
}

// expected reports whether o answers the one attempt, or undo, that is open.
func expected(st events.Step, o *events.AttemptOutcome) bool {
	if o.Undo {
		u := st.Undo
		return u != nil && u.State == events.UndoQueued && u.Attempt == o.Attempt
	}
	return st.State == events.StepQueued && st.Attempt == o.Attempt
}

// faultOf returns the fault of a failed attempt. A stage that failed without
// saying why, or with a class that does not exist, has an unclassified one.
func faultOf(o *events.AttemptOutcome) *events.Fault {
	if o.Fault == nil {
		return Recorded(fault.New(fault.StageUnclassified, "", nil))
	}
	if _, known := policies[fault.Class(o.Fault.Class)]; known {
		return o.Fault
	}
	f := *o.Fault
	f.Class = string(fault.Unclassified)
	return &f
}

// succeeded takes the result of an attempt.
func (c *change) succeeded(s *Step, st events.Step, o *events.AttemptOutcome) {
	c.cause(TypeStepSucceeded, s.ID, st.Attempt, false)
	c.moveStep(&st, StepDone)
	st.Logic, st.Files, st.Findings, st.Fault = o.Logic, o.Files, o.Findings, nil
	st.Ruling = nil
	st.Order = c.successes() + 1
	st.Effect, st.Settle = "", ""
	c.job.Steps[s.ID] = st
}

// successes counts the steps that have succeeded so far.
func (c *change) successes() int {
	n := 0
	for i := range c.plan.Steps {
		n = max(n, c.job.Steps[c.plan.Steps[i].ID].Order)
	}
	return n
}

// failed answers a failed attempt by the class of its fault.
func (c *change) failed(s *Step, st events.Step, f *events.Fault) {
	as, retry := c.ruled(f), c.retry(s)
	on, burns := respond(retry, st.Spent, as)
	if outOfTime(f) {
		on, burns = StepGaveUp, true
	}
	if c.job.Goal != "" {
		on = respondEnding(on, as)
	}
	if burns {
		st.Spent++
	}
	st.Fault, st.Ruling = f, c.ruling
	c.cause(failureTypes[on], s.ID, st.Attempt, false)
	switch on {
	case StepGaveUp:
		c.giveUp(s, st)
		return
	case StepDeferred:
		st.RetryAt = c.retryAt(retry, st.Attempt, st.Spent, burns, as)
		if !c.paused() {
			c.due = append(c.due, timerItem(s.ID, st))
		}
	}
	c.moveStep(&st, on)
	if on == StepStopped {
		c.ended(s, &st)
	}
	c.job.Steps[s.ID] = st
}

// failureTypes are the types of the record of a failed attempt.
var failureTypes = map[StepEvent]string{
	StepDeferred: TypeStepRetryScheduled,
	StepStuck:    TypeStepAttention,
	StepGaveUp:   TypeStepFailed,
	StepStopped:  TypeStepCancelled,
}
