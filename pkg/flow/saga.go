package flow

import (
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// giveUpJob makes what is left of the job lead to its end: nothing new starts,
// attempts that are open are awaited, and what was done is then undone.
func (c *change) giveUpJob(f *events.Fault) {
	c.job.Goal = events.JobRolledBack
	c.job.Fault = f
	c.stopIdle()
}

// stopIdle cancels every step that is not settled and has no attempt open.
func (c *change) stopIdle() {
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		st := c.job.Steps[s.ID]
		switch st.State {
		case events.StepPending, events.StepRetrying, events.StepAttention:
			c.moveStep(&st, StepStopped)
			st.RetryAt = time.Time{}
			c.ended(s, &st)
			c.job.Steps[s.ID] = st
		}
	}
}

// unwind undoes the next step of a job that is being cancelled or has failed and
// has no attempt open, or ends the job when nothing is left to undo.
func (c *change) unwind() {
	s := c.nextUndo()
	if s == nil {
		c.endUnwound()
		return
	}
	if open := c.openUndo(); open != nil {
		s = open // of a step that the job went on without
	}
	if c.job.State != events.JobCompensating {
		c.moveJob(JobUndoStarted)
	}
	st := c.job.Steps[s.ID]
	switch {
	case st.Undo == nil:
		c.queueUndo(s, st, events.StepUndo{})
	case st.Undo.State == events.UndoAttention:
		c.moveJob(JobStuck)
	}
}

// endUnwound ends a job that has nothing left to undo.
func (c *change) endUnwound() {
	switch {
	case c.job.Goal == events.JobCancelled:
		c.end(JobStopped)
	case c.job.State == events.JobCompensating:
		c.end(JobUndone)
	default:
		c.end(JobGaveUp)
	}
}

// openUndo returns a step whose undo has begun and is not done, or nil. Of several,
// one that moves comes before one that waits for a person.
func (c *change) openUndo() (open *Step) {
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		switch u := c.job.Steps[s.ID].Undo; {
		case u == nil || u.State == events.UndoDone:
		case u.State != events.UndoAttention:
			return s
		case open == nil:
			open = s
		}
	}
	return open
}

// nextUndo returns the step that ended last and is not undone yet, among those
// that can be undone and may have had effects. It returns nil when there is none.
func (c *change) nextUndo() *Step {
	var next *Step
	order := 0
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		st := c.job.Steps[s.ID]
		if effective(s, st) && st.Order > order {
			next, order = s, st.Order
		}
	}
	return next
}

// effective reports whether a step may have had effects that can be undone and
// are not.
func effective(s *Step, st events.Step) bool {
	undone := st.Undo != nil && st.Undo.State == events.UndoDone
	return s.Compensable && st.Order > 0 && !undone
}

// queueUndo makes the next undo of a step due.
func (c *change) queueUndo(s *Step, st events.Step, u events.StepUndo) {
	c.moveUndo(&u, UndoDue)
	u.Attempt++
	u.RetryAt = time.Time{}
	st.Undo = &u
	c.job.Steps[s.ID] = st
	c.due = append(c.due, undoItem(s.ID, u))
}

// undone notes that the effects of a step are taken back.
func (c *change) undone(s *Step, st events.Step) {
	u := *st.Undo
	c.cause(TypeUndoSucceeded, s.ID, u.Attempt, true)
	c.moveUndo(&u, UndoSucceeded)
	u.Fault, u.Ruling = nil, nil
	st.Undo = &u
	c.job.Steps[s.ID] = st
}

// undoFailed tries a failed undo again within a budget of its own, whatever the
// class of the fault: what cannot be undone is for a person, never for the bin. One
// of which nobody knows whether it was done is for a person at once.
func (c *change) undoFailed(s *Step, st events.Step, f *events.Fault) {
	u := *st.Undo
	u.Fault, u.Ruling = f, c.ruling
	st.Undo = &u
	as, retry := c.ruled(f), c.retry(s)
	burns, ask := !free(as), asksAtOnce(c.job, as)
	if burns && !ask {
		u.Spent++
	}
	if !ask && u.Spent < retry.MaxAttempts {
		c.cause(TypeUndoRetryScheduled, s.ID, u.Attempt, true)
		c.moveUndo(&u, UndoDeferred)
		u.RetryAt = c.retryAt(retry, u.Attempt, u.Spent, burns, as)
		if !c.paused() {
			c.due = append(c.due, undoTimerItem(s.ID, u))
		}
	} else {
		c.cause(TypeUndoFailed, s.ID, u.Attempt, true)
		c.moveUndo(&u, UndoStuck)
	}
	c.job.Steps[s.ID] = st
}

// asksAtOnce reports whether an undo that failed so is not tried again: another try
// could not tell either whether the effect is gone.
func asksAtOnce(j events.Job, f *events.Fault) bool {
	return j.Rules >= rulesDecisions && fault.Class(f.Class) == fault.UnknownEffect
}
