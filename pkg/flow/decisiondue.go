package flow

import "github.com/millrace/millrace/events"

// What the record says of a default.
const (
	byDefault     = "default"
	reasonDefault = "the default, when due"
)

func decisionItem(id string, undo bool, d events.DecisionRecord) events.DueItem {
	return events.DueItem{
		Kind: events.DueTimer, Step: id, Attempt: d.Asked, At: d.DueAt, Undo: undo, Limit: events.LimitDecision,
	}
}

// undecided takes the default of a decision whose time is over, or asks again when
// that is the default or cannot be done.
func undecided(p *Plan, j events.Job, s *Step, t *events.TimerFired, env Env) *change {
	d := openAt(j.Steps[s.ID], t.Undo)
	if d == nil || d.Asked != t.Attempt || Final(j.State) {
		return nil
	}
	if c := defaulted(p, j, *d, env); c != nil {
		return c
	}
	c := newChange(p, j, env)
	c.cause(TypeDecisionOverdue, s.ID, d.Attempts, false)
	again := *d
	again.Asked++
	again.Overdue++
	again.DueAt = c.later(s.Attention.withDefaults().wait(again.Overdue))
	c.putDecision(s.ID, t.Undo, again)
	c.due = append(c.due, decisionItem(s.ID, t.Undo, again))
	return c
}

// defaulted chooses the default of a decision in place of a person. It returns nil
// when that is no choice as the job is; nothing begins while it is paused.
func defaulted(p *Plan, j events.Job, d events.DecisionRecord, env Env) *change {
	cmd, ok := Choosing(d.ID, d.Default)
	if !ok || j.State == events.JobPaused {
		return nil
	}
	cmd.By, cmd.Reason = byDefault, reasonDefault
	c, err := commanded(p, j, &cmd, env)
	if err != nil || c == nil || c.err != nil {
		return nil
	}
	c.word.byDefault = true
	return c
}
