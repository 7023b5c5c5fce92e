package flow

import "github.com/millrace/millrace/events"

// undo explains the undo of a step, which may not have begun.
func (x *explaining) undo(s *Step, st events.Step) Reason {
	r := Reason{Step: s.ID, Undo: true}
	u := st.Undo
	if u == nil {
		r.State = string(events.StepPending)
		x.undoPending(s, st, &r)
		return r
	}
	r.State, r.Fault = string(u.State), u.Fault
	t := treated(s, u.Fault, u.Ruling)
	if u.State == events.UndoQueued || u.State == events.UndoRetrying {
		r.AttemptsLeft = max(t.retry.MaxAttempts-u.Spent, 0)
	}
	switch u.State {
	case events.UndoQueued:
		r.Why = attempt(u.Attempt) + " to take its effects back is with stage " + st.Stage + ", or on the way there"
		r.Next = "the answer of the stage"
		if u.Fault != nil {
			r.Why += "; the one before failed: " + faultText(u.Fault)
		}
	case events.UndoRetrying:
		r.Until = u.RetryAt
		r.Why = attempt(u.Attempt) + " to take its effects back failed, " + t.counted(u.Spent) + ": " + faultText(u.Fault)
		r.Next = attempt(u.Attempt+1) + " is due at " + clock(u.RetryAt)
		if x.job.State == events.JobPaused {
			r.Next += ", once the job is resumed"
		}
	case events.UndoAttention:
		r.Why = attempt(u.Attempt) + " to take its effects back failed, " + x.undoAttention(st, t) + ": " + faultText(u.Fault)
		if Final(x.job.State) {
			r.Why = "a person gave it up after " + attempt(u.Attempt) + ": " + faultText(u.Fault)
			break
		}
		r.Choices = x.stepChoices(s, events.Step{State: events.StepAttention})
		r.Next = verbs(r.Choices) + ", by a person"
		x.asking(openAt(st, true), &r)
	default:
		r.Why = "its effects are taken back"
		if u.Accepted != "" {
			r.Why = because("a person took it for done", u.Accepted)
		}
	}
	return r
}

// undoAttention says why the undo of a step needs a person.
func (x *explaining) undoAttention(st events.Step, t treatment) string {
	switch {
	case !asksAtOnce(x.job, t.as):
		return t.counted(st.Undo.Spent) + ", and needs a person"
	case st.Effect == "":
		return "and " + t.class() + " is for a person"
	}
	return "and nobody can tell whether effect " + st.Effect + " was done"
}

// undoPending explains an undo whose turn has not come: open attempts end first,
// and then the undo of what ended later.
func (x *explaining) undoPending(s *Step, st events.Step, r *Reason) {
	if given := x.givenUp(); len(given) > 0 {
		r.Why = "its effects stay, because a person gave the undo of " + steps(given) + " up"
		return
	}
	r.Why = "its effects will be taken back, last first"
	if x.job.State != events.JobCompensating && x.job.State != events.JobAttention {
		r.WaitsFor = x.open()
		r.Next = "the end of " + steps(r.WaitsFor)
		return
	}
	r.WaitsFor = x.which(func(other *Step, o events.Step) bool {
		return other != s && effective(other, o) && (o.Undo != nil || o.Order > st.Order)
	})
	r.Next = "the undo of " + steps(r.WaitsFor)
}
