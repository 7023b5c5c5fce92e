package flow

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// commanded applies what a person asks of the job.
func commanded(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	if j.State == jobNew {
		return nil, fault.New(fault.JobNotFound, "apply command "+string(cmd.Verb), nil)
	}
	switch cmd.Verb {
	case events.VerbCancel:
		return cancelled(p, j, cmd, env)
	case events.VerbRetry:
		return retried(p, j, cmd, env)
	case events.VerbAbandon:
		return abandoned(p, j, cmd, env)
	}
	return nil, notAllowed(j, cmd, "there is no such command")
}

func notAllowed(j events.Job, cmd *events.Command, why string) error {
	return fault.New(fault.JobNotAllowed,
		string(cmd.Verb)+" job "+j.ID+" in state "+string(j.State)+": "+why, nil)
}

// cancelled stops a job. Attempts that are open are awaited; what was done is
// then undone.
func cancelled(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	if j.State == events.JobCancelling {
		return nil, nil
	}
	_, allowed := jobMoves[j.State][JobCancelAsked]
	if !allowed || j.State == events.JobAttention && j.Goal != "" {
		return nil, notAllowed(j, cmd, "it has ended or is being undone")
	}
	c := newChange(p, j, env)
	c.moveJob(JobCancelAsked)
	c.job.Goal = events.JobCancelled
	c.job.Reason = cmd.Reason
	c.stopIdle()
	c.conclude()
	return c, nil
}

// retried gives every step, or the undo, that is in attention a fresh budget and
// makes its next try due at once.
func retried(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	if !inAttention(p, j) {
		return nil, notAllowed(j, cmd, "nothing is in attention")
	}
	if err := settlement(p, j, cmd); err != nil {
		return nil, err
	}
	c := newChange(p, j, env)
	c.cause(TypeJobRetried, "", 0, false)
	c.wake()
	for i := range p.Steps {
		s := &p.Steps[i]
		st := c.job.Steps[s.ID]
		if unknownEffect(st) {
			st.Settle = cmd.Effect
		}
		switch {
		case st.State == events.StepAttention:
			st.Spent = 0
			c.queue(s, st)
		case undoInAttention(st):
			u := *st.Undo
			u.Spent = 0
			c.queueUndo(s, st, u)
		}
	}
	return c, nil
}

// settlement refuses a retry that does not say what has to be said about an
// effect, and one that says it when nobody asked.
func settlement(p *Plan, j events.Job, cmd *events.Command) error {
	asked := false
	for i := range p.Steps {
		asked = asked || unknownEffect(j.Steps[p.Steps[i].ID])
	}
	switch {
	case asked && cmd.Effect == "":
		return notAllowed(j, cmd, "nobody can tell whether an effect was done: say done or not_done")
	case !asked && cmd.Effect != "":
		return notAllowed(j, cmd, "there is no effect to settle")
	}
	return nil
}

// unknownEffect reports whether a step, or its undo, is in attention because
// nobody can tell whether an effect was done.
func unknownEffect(st events.Step) bool {
	f := st.Fault
	switch {
	case undoInAttention(st):
		f = st.Undo.Fault
	case st.State != events.StepAttention:
		return false
	}
	return f != nil && fault.Class(f.Class) == fault.UnknownEffect
}

// abandoned fails every step in attention. An undo in attention is given up, and
// the job with it: what it did and could not take back stays.
func abandoned(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	if !inAttention(p, j) {
		return nil, notAllowed(j, cmd, "nothing is in attention")
	}
	c := newChange(p, j, env)
	c.cause(TypeJobAbandoned, "", 0, false)
	for i := range p.Steps {
		if st := j.Steps[p.Steps[i].ID]; undoInAttention(st) {
			c.job.Fault = st.Undo.Fault
			c.end(JobGaveUp)
			return c, nil
		}
	}
	c.wake()
	c.abandonSteps()
	c.settle()
	c.conclude()
	return c, nil
}

// abandonSteps fails all steps in attention before it asks whether one of them
// was critical, so that none is taken for cancelled instead.
func (c *change) abandonSteps() {
	var critical *Step
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		st := c.job.Steps[s.ID]
		if st.State != events.StepAttention {
			continue
		}
		c.moveStep(&st, StepGaveUp)
		c.job.Steps[s.ID] = st
		if s.Critical && critical == nil {
			critical = s
		}
	}
	if critical != nil {
		c.giveUpJob(c.job.Steps[critical.ID].Fault)
	}
}

// inAttention reports whether a live job has a step or an undo in attention.
func inAttention(p *Plan, j events.Job) bool {
	if Final(j.State) {
		return false
	}
	for i := range p.Steps {
		st := j.Steps[p.Steps[i].ID]
		if st.State == events.StepAttention || undoInAttention(st) {
			return true
		}
	}
	return false
}

func undoInAttention(st events.Step) bool {
	return st.Undo != nil && st.Undo.State == events.UndoAttention
}
