package flow

import (
	"time"

	"github.com/millrace/millrace/events"
)

// pausedBy stops the job from beginning anything new. What is queued goes on.
func pausedBy(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	if j.State == events.JobPaused && j.Goal == "" {
		return nil, nil
	}
	if _, allowed := jobMoves[j.State][JobPauseAsked]; !allowed || j.Goal != "" {
		return nil, notAllowed(j, cmd, "it has ended or is being ended")
	}
	c := newChange(p, j, env)
	c.moveJob(JobPauseAsked)
	c.job.Reason = cmd.Reason
	return c, nil
}

// unpaused lets a paused job go on. Attempts whose time has come meanwhile are due
// at once.
func unpaused(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	if j.State != events.JobPaused || j.Goal != "" {
		return nil, notAllowed(j, cmd, "it is not paused")
	}
	c := newChange(p, j, env)
	c.moveJob(JobUnpaused)
	c.job.Reason = ""
	for i := range p.Steps {
		s := &p.Steps[i]
		st := c.job.Steps[s.ID]
		switch {
		case st.State == events.StepRetrying && !st.RetryAt.After(c.now):
			c.queue(s, st)
		case undoIs(st, events.UndoRetrying) && !st.Undo.RetryAt.After(c.now):
			c.queueUndo(s, st, *st.Undo)
		}
	}
	c.settle()
	c.conclude()
	return c, nil
}

// wakeUndos makes the undos due whose time has come while the job was paused, also
// when it is not resumed but ended: their timers have fired, and are not set again.
func (c *change) wakeUndos() {
	if Final(c.job.State) {
		return
	}
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		st := c.job.Steps[s.ID]
		if undoIs(st, events.UndoRetrying) && !st.Undo.RetryAt.After(c.now) {
			c.queueUndo(s, st, *st.Undo)
		}
	}
}

// skippedBy goes on without a step that is in attention or waits for its next
// attempt: its inputs are its files. What its attempts did is taken back.
func skippedBy(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	s := p.find(cmd.Step)
	switch {
	case cmd.Step == "":
		return nil, notAllowed(j, cmd, "name the step")
	case s == nil:
		return nil, notAllowed(j, cmd, "there is no step "+cmd.Step)
	}
	st := j.Steps[s.ID]
	_, movable := stepMoves[st.State][StepPassed]
	switch {
	case Final(j.State) || j.Goal != "":
		return nil, notAllowed(j, cmd, "it has ended or is being ended")
	case !movable || st.State == events.StepPending:
		return nil, notAllowed(j, cmd, "step "+s.ID+" is "+string(st.State)+", and not in attention or retrying")
	case s.Critical && !cmd.Force:
		return nil, notAllowed(j, cmd, "step "+s.ID+" is critical: force it")
	}
	c := newChange(p, j, env)
	c.cause(TypeStepSkipped, s.ID, st.Attempt, false)
	c.wake()
	st.RetryAt, st.Effect, st.Settle = time.Time{}, "", ""
	c.ended(s, &st)
	c.skip(s, st, ReasonByPerson, inputs(&j, s))
	if st.Order > 0 { // an attempt may have had effects before it failed
		c.queueUndo(s, c.job.Steps[s.ID], events.StepUndo{})
	}
	c.settle()
	c.conclude()
	return c, nil
}
