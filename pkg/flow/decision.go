package flow

import (
	"slices"
	"strconv"

	"github.com/millrace/millrace/events"
)

// DecisionID names a decision: <job>.<step>, .undo behind it when it is about the
// step's undo, and from the second decision of that place on its number.
func DecisionID(job, step string, undo bool, number int) string {
	id := job + "." + step
	if undo {
		id += ".undo"
	}
	if number > 1 {
		id += "." + strconv.Itoa(number)
	}
	return id
}

// decisionAt returns the decision about a step, or about its undo, that is open or
// was made last. It is nil when nobody was ever asked.
func decisionAt(st events.Step, undo bool) *events.DecisionRecord {
	switch {
	case !undo:
		return st.Decision
	case st.Undo != nil:
		return st.Undo.Decision
	}
	return nil
}

// openAt returns the decision that is open at a place, or nil.
func openAt(st events.Step, undo bool) *events.DecisionRecord {
	if d := decisionAt(st, undo); d != nil && d.Made == nil {
		return d
	}
	return nil
}

// asks reports whether a person is needed at a place.
func asks(st events.Step, undo bool) bool {
	if undo {
		return undoInAttention(st)
	}
	return st.State == events.StepAttention
}

// putDecision puts a decision into the state of its place.
func (c *change) putDecision(step string, undo bool, d events.DecisionRecord) {
	st := c.job.Steps[step]
	if undo {
		u := *st.Undo
		u.Decision = &d
		st.Undo = &u
	} else {
		st.Decision = &d
	}
	c.job.Steps[step] = st
}

// decisions opens one wherever the change has left something to a person, and
// closes those about which nobody is asked any more.
func (c *change) decisions() {
	if c.job.Rules < rulesDecisions {
		return
	}
	type place struct {
		step *Step
		undo bool
	}
	var opened []place
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		for _, undo := range [...]bool{false, true} {
			st := c.job.Steps[s.ID]
			open, needed := openAt(st, undo), asks(st, undo) && !Final(c.job.State)
			switch {
			case needed && open == nil:
				c.openDecision(s, undo)
				opened = append(opened, place{s, undo})
			case !needed && open != nil:
				c.closeDecision(s.ID, undo, *open)
			}
		}
	}
	for _, p := range opened {
		c.offer(p.step, p.undo)
	}
}

// openDecision asks a person, by a time.
func (c *change) openDecision(s *Step, undo bool) {
	st := c.job.Steps[s.ID]
	d := events.DecisionRecord{
		Number: 1, OpenedAt: c.now, Fault: st.Fault, Attempts: st.Attempt, Asked: 1, Default: events.ChooseRemind,
	}
	if undo {
		d.Fault, d.Attempts = st.Undo.Fault, st.Undo.Attempt
	} else {
		d.Checkpoint = lastPlace(st)
	}
	if last := decisionAt(st, undo); last != nil {
		d.Number, d.Asked = last.Number+1, last.Asked+1
		if last.Made.Default {
			d.Overdue = last.Overdue
		}
	}
	d.ID = DecisionID(c.job.ID, s.ID, undo, d.Number)
	d.DueAt = c.later(s.Attention.withDefaults().wait(d.Overdue))
	c.putDecision(s.ID, undo, d)
	c.due = append(c.due, decisionItem(s.ID, undo, d))
}

// offer adds to a decision that was just opened what may be chosen. All decisions
// of the change are open by then. What a pause forbids for now is offered too.
func (c *change) offer(s *Step, undo bool) {
	j := c.job
	if c.paused() {
		j.State = events.JobRunning
	}
	d := *openAt(j.Steps[s.ID], undo)
	d.Choices = choices(c.plan, j, s, d)
	if a := s.Attention.withDefaults(); slices.Contains(d.Choices, a.Default) {
		d.Default = a.Default
	}
	c.putDecision(s.ID, undo, d)
}

// closeDecision notes how a decision ended: as the input says, if it is about it.
func (c *change) closeDecision(step string, undo bool, d events.DecisionRecord) {
	made := events.DecisionMade{At: c.now, Choice: events.ChooseMoot}
	if w := c.word; w != nil && (w.decision == "" || w.decision == d.ID || w.verb == events.VerbCancel) {
		made = events.DecisionMade{
			At: c.now, By: w.by, Reason: w.reason, Default: w.byDefault,
			Choice: choiceOf(w, c.plan.find(step), c.was.Steps[step]),
		}
	}
	if made.Default {
		d.Overdue++
	}
	d.Made = &made
	c.putDecision(step, undo, d)
}

// word is what decides in the change: a person's command, or a default.
type word struct {
	verb      events.Verb
	effect    events.Settlement
	by        string
	reason    string
	decision  string
	byDefault bool
}

// wordOf returns the word of a command.
func wordOf(cmd *events.Command) *word {
	return &word{verb: cmd.Verb, effect: cmd.Effect, by: cmd.By, reason: cmd.Reason, decision: cmd.Decision}
}

// lastPlace returns how far a step is known to have come, or nil.
func lastPlace(st events.Step) *events.DecisionPlace {
	r := st.Resumed
	if r == nil || r.Checkpoint == 0 && r.Done == 0 {
		return nil
	}
	return &events.DecisionPlace{Number: r.Checkpoint, Done: r.Done, Total: r.Total, Percent: r.Percent}
}
