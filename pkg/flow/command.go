package flow

import (
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// commanded applies what a person asks of the job.
func commanded(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	if j.State == jobNew {
		return nil, fault.New(fault.JobNotFound, "apply command "+string(cmd.Verb), nil)
	}
	order, ok := orders[cmd.Verb]
	switch {
	case cmd.ID != "" && slices.Contains(j.Commands, cmd.ID):
		return nil, nil // its message has come again
	case !ok:
		return nil, notAllowed(j, cmd, "there is no such command")
	case cmd.Decision != "":
		order = decisionMade
	}
	c, err := order(p, j, cmd, env)
	if c != nil {
		c.word = wordOf(cmd)
		c.remember(cmd.ID)
	}
	return c, err
}

// remembered is how many commands a job knows again.
const remembered = 8

// remember notes the id of a command that changes the job. Without one it cannot be
// known again.
func (c *change) remember(id string) {
	if id == "" {
		return
	}
	known := c.job.Commands
	known = known[max(0, len(known)-remembered+1):]
	c.job.Commands = append(slices.Clone(known), id)
}

// orders carry out the commands.
var orders = map[events.Verb]func(*Plan, events.Job, *events.Command, Env) (*change, error){
	events.VerbCancel:   cancelled,
	events.VerbRetry:    retried,
	events.VerbAbandon:  abandoned,
	events.VerbPause:    pausedBy,
	events.VerbResume:   unpaused,
	events.VerbSkip:     skippedBy,
	events.VerbAccept:   accepted,
	events.VerbRollback: rolledBack,
}

// Verbs returns the commands, sorted.
func Verbs() []events.Verb { return sortedKeys(orders) }

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
	c.cause(TypeJobCancelling, "", 0, false)
	c.moveJob(JobCancelAsked)
	c.job.Goal = events.JobCancelled
	c.job.Reason = cmd.Reason
	c.stopIdle()
	c.conclude()
	return c, nil
}

// retried gives every step, or the undo, that is in attention a fresh budget and
// makes its next try due at once. Steps that wait for their next attempt do not
// wait any longer.
func retried(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	chosen := func(s *Step, st events.Step) bool {
		waits := st.State == events.StepRetrying && j.Rules >= rulesUndo && j.Goal == ""
		return (cmd.Step == "" || cmd.Step == s.ID) &&
			(waits || st.State == events.StepAttention || undoInAttention(st))
	}
	switch {
	case !some(p, j, chosen):
		return nil, notAllowed(j, cmd, "nothing is in attention, or waits for its next attempt")
	case j.State == events.JobPaused:
		return nil, notAllowed(j, cmd, "resume it first")
	}
	if err := settlement(p, j, cmd, chosen); err != nil {
		return nil, err
	}
	c := newChange(p, j, env)
	c.cause(TypeJobRetried, "", 0, false)
	c.wake()
	for i := range p.Steps {
		s := &p.Steps[i]
		st := c.job.Steps[s.ID]
		if !chosen(s, st) {
			continue
		}
		if unknownEffect(st) {
			st.Settle = cmd.Effect
		}
		c.again(s, st)
	}
	return c, nil
}

// again makes the next try of a step, or of its undo, due at once. What was in
// attention gets a fresh budget.
func (c *change) again(s *Step, st events.Step) {
	switch {
	case undoInAttention(st):
		u := *st.Undo
		u.Spent = 0
		c.queueUndo(s, st, u)
	default:
		if st.State == events.StepAttention {
			st.Spent = 0
		}
		c.queue(s, st)
	}
}

// some reports whether a live job has a step of a kind.
func some(p *Plan, j events.Job, kind func(*Step, events.Step) bool) bool {
	if Final(j.State) {
		return false
	}
	for i := range p.Steps {
		if kind(&p.Steps[i], j.Steps[p.Steps[i].ID]) {
			return true
		}
	}
	return false
}

// settlement refuses a retry that does not say what has to be said about an
// effect, and one that says it when nobody asked.
func settlement(p *Plan, j events.Job, cmd *events.Command, chosen func(*Step, events.Step) bool) error {
	asked := some(p, j, func(s *Step, st events.Step) bool { return chosen(s, st) && unknownEffect(st) })
	switch {
	case asked && cmd.Effect == "":
		return notAllowed(j, cmd, "nobody can tell whether an effect was done: say done or not_done")
	case !asked && cmd.Effect != "":
		return notAllowed(j, cmd, "there is no effect to settle")
	}
	return nil
}

// unknownEffect reports whether a step, or its undo, is in attention because
// nobody can tell whether an effect was done that the ledger knows of.
func unknownEffect(st events.Step) bool {
	f := st.Fault
	if st.Effect == "" {
		return false
	}
	switch {
	case undoInAttention(st):
		f = st.Undo.Fault
	case st.State != events.StepAttention:
		return false
	}
	return f != nil && fault.Class(f.Class) == fault.UnknownEffect
}

// abandoned fails every step in attention, or the one of a decision. An undo in attention is given up: what
// it did and could not take back stays. With it goes a job that is being undone;
// one that went on without the step goes on.
func abandoned(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	if !inAttention(p, j) {
		return nil, notAllowed(j, cmd, "nothing is in attention")
	}
	c := newChange(p, j, env)
	c.cause(TypeJobAbandoned, "", 0, false)
	for i := range p.Steps {
		st := j.Steps[p.Steps[i].ID]
		switch {
		case !undoInAttention(st) || !meant(cmd, p.Steps[i].ID):
		case j.Goal != "":
			if _, ends := jobMoves[j.State][JobGaveUp]; !ends {
				return nil, notAllowed(j, cmd, "what else is open ends first")
			}
			c.job.Fault = st.Undo.Fault
			c.end(JobGaveUp)
			return c, nil
		default:
			c.letBe(p.Steps[i].ID, cmd.Reason)
		}
	}
	c.wake()
	c.abandonSteps(cmd)
	c.settle()
	c.conclude()
	return c, nil
}

// meant reports whether an abandon is about a step: about all, unless it settles a
// decision.
func meant(cmd *events.Command, step string) bool { return cmd.Decision == "" || cmd.Step == step }

// abandonSteps fails the steps in attention that are meant, before it asks whether one of them
// was critical, so that none is taken for cancelled instead.
func (c *change) abandonSteps(cmd *events.Command) {
	var critical *Step
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		st := c.job.Steps[s.ID]
		if st.State != events.StepAttention || !meant(cmd, s.ID) {
			continue
		}
		c.moveStep(&st, StepGaveUp)
		c.ended(s, &st)
		c.job.Steps[s.ID] = st
		switch {
		case s.Critical && critical == nil:
			critical = s
		case !s.Critical && st.Order > 0 && c.job.Goal == "":
			c.queueUndo(s, st, events.StepUndo{})
		}
	}
	if critical != nil {
		c.giveUpJob(c.job.Steps[critical.ID].Fault)
	}
}

// inAttention reports whether a live job has a step or an undo in attention.
func inAttention(p *Plan, j events.Job) bool {
	return some(p, j, func(_ *Step, st events.Step) bool {
		return st.State == events.StepAttention || undoInAttention(st)
	})
}

func undoInAttention(st events.Step) bool {
	return st.Undo != nil && st.Undo.State == events.UndoAttention
}
