package flow

import (
	"strconv"

	"github.com/millrace/millrace/events"
)

// step explains a step.
func (x *explaining) step(s *Step, st events.Step) Reason {
	r := Reason{Step: s.ID, State: string(st.State), Fault: st.Fault, Choices: x.stepChoices(s, st)}
	r.AttemptsLeft = x.left(st.State, treated(s, st.Fault, st.Ruling).retry, st.Spent)
	switch st.State {
	case events.StepPending:
		x.pending(s, &r)
	case events.StepQueued:
		x.queued(st, &r)
	case events.StepRetrying:
		r.Until = st.RetryAt
		r.Why = attempt(st.Attempt) + " failed, " + treated(s, st.Fault, st.Ruling).counted(st.Spent) + ": " +
			faultText(st.Fault)
		r.Next = attempt(st.Attempt+1) + " is due at " + clock(st.RetryAt)
		if x.job.State == events.JobPaused {
			r.Next += ", once the job is resumed"
		}
	case events.StepAttention:
		r.Why = x.attention(s, st)
		r.Next = verbs(r.Choices) + ", by a person"
		x.asking(openAt(st, false), &r)
	case events.StepSucceeded:
		r.Why = attempt(st.Attempt) + " succeeded"
		if reused(st) {
			r.Why = "its result is reused: " + ReuseText(x.job.Rerun, s.ID, *st.Reuse)
		} else if s.Irreversible {
			r.Why += "; what it did cannot be taken back"
		}
	case events.StepFailed:
		r.Why = x.failed(s, st)
	case events.StepSkipped:
		r.Why = skipped(s, st)
	case events.StepCancelled:
		r.Why = "the job was ended before it: " + x.cause()
	}
	r.Reuse = st.Reuse
	r.Why += x.reuse(s, st)
	return r
}

// left is how many attempts the budget of a step that has not settled still holds. In
// a job that is ending none follows the one at hand.
func (x *explaining) left(s events.StepState, r Retry, spent int) int {
	switch {
	case s != events.StepPending && s != events.StepQueued && s != events.StepRetrying:
		return 0
	case x.job.Goal != "":
		return max(min(1, r.MaxAttempts-spent), 0)
	}
	return max(r.MaxAttempts-spent, 0)
}

// stepChoices are the commands that may name a step, or that take all that is in
// attention, as it is.
func (x *explaining) stepChoices(s *Step, st events.Step) []events.Choice {
	list := AllowedFor(x.choices, s.ID)
	if st.State != events.StepAttention {
		return list
	}
	for _, c := range x.choices {
		if c.Verb == events.VerbAbandon {
			list = append(list, c)
		}
	}
	return list
}

// pending explains a step that has not begun: by its needs, as the machine asks
// for them.
func (x *explaining) pending(s *Step, r *Reason) {
	for _, need := range s.Needs {
		if !settled(x.job.Steps[need].State) {
			r.WaitsFor = append(r.WaitsFor, need)
		}
	}
	if len(r.WaitsFor) == 0 {
		r.Why = "what it needs is there, and the job is " + string(x.job.State)
		r.Next = "resume, by a person"
		return
	}
	r.Why = "it needs " + steps(r.WaitsFor) + ", which " + count(r.WaitsFor, "has", "have") + " not ended"
	r.Next = "the end of " + steps(r.WaitsFor)
}

// queued explains a step that a stage works on.
func (x *explaining) queued(st events.Step, r *Reason) {
	r.Why = attempt(st.Attempt) + " is with stage " + st.Stage + ", or on the way there"
	r.Next = "the answer of the stage"
	if st.Resumed != nil && st.Resumed.Checkpoint > 0 {
		r.Why += "; it goes on at checkpoint " + strconv.Itoa(st.Resumed.Checkpoint)
	}
	if st.Fault != nil {
		r.Why += "; the one before failed: " + faultText(st.Fault)
	}
	if x.job.Goal != "" {
		r.Next += "; if it fails, it is not tried again"
	}
}

// attention says why a step needs a person, by the policy of its fault's class.
func (x *explaining) attention(s *Step, st events.Step) string {
	text, t := attempt(st.Attempt)+" failed, ", treated(s, st.Fault, st.Ruling)
	switch {
	case unknownEffect(st):
		text += "and nobody can tell whether effect " + st.Effect + " was done"
	case t.policy().again:
		text += t.counted(st.Spent) + ", and then class " + t.as.Class + " is for a person"
	default:
		text += "and " + t.class() + " is for a person"
	}
	return text + ": " + faultText(st.Fault)
}

// failed says why a step failed for good, by the policy of its fault's class.
func (x *explaining) failed(s *Step, st events.Step) string {
	var text string
	t := treated(s, st.Fault, st.Ruling)
	switch p := t.policy(); {
	case st.Attempt == 0:
		text = "it could not begin"
	case p.then == StepStuck && len(x.criticalFailures()) == 0 && x.job.Goal == "" && !unwound(x.job.State):
		text = "a person gave it up after " + attempt(st.Attempt)
	case p.then == StepStuck:
		text = attempt(st.Attempt) + " failed, and a person or the end of the job gave it up"
	case p.again:
		text = attempt(st.Attempt) + " failed, " + t.counted(st.Spent)
	default:
		text = attempt(st.Attempt) + " failed, and trying again does not help " + t.class()
	}
	text += ": " + faultText(st.Fault)
	if s.Critical {
		return text + "; the job cannot go on without it"
	}
	return text + "; the job goes on without it"
}

// unwound reports whether a job in state s was ended early.
func unwound(s events.JobState) bool {
	return s == events.JobFailed || s == events.JobCancelled || s == events.JobRolledBack
}

// skipped says why a step was not run.
func skipped(s *Step, st events.Step) string {
	switch st.Reason {
	case ReasonWhenFalse:
		return "its condition is false for this job; its inputs are its files"
	case ReasonNeedsFailed:
		return "none of " + listing(s.Needs) + " gave a result"
	}
	return "a person went on without it; its inputs are its files"
}

func attempt(n int) string { return "attempt " + strconv.Itoa(n) }
