package flow

import "github.com/millrace/millrace/events"

// whole explains the job.
func (x *explaining) whole() Reason {
	j := x.job
	r := Reason{State: string(j.State), Fault: j.Fault, Choices: x.choices}
	switch j.State {
	case events.JobAccepted, events.JobRunning:
		x.goesOn(&r)
	case events.JobWaiting:
		step, at := x.nextTimer()
		r.Until, r.WaitsFor = at, []string{step}
		r.Why = "nothing is with a stage, and what is left waits for its next attempt"
		r.Next = "step " + step + " is due again at " + clock(at)
	case events.JobAttention:
		r.WaitsFor = x.stuck()
		r.Why = steps(r.WaitsFor) + count(r.WaitsFor, " needs", " need") + " a person, and nothing else moves"
		r.Next = verbs(x.choices) + ", by a person"
	case events.JobPaused:
		r.WaitsFor = x.open()
		r.Why = because("a person paused it", j.Reason)
		r.Next = "resume, by a person"
		if len(r.WaitsFor) > 0 {
			r.Why += "; " + steps(r.WaitsFor) + count(r.WaitsFor, " has", " have") + " begun and will end first"
		}
	case events.JobCancelling:
		r.WaitsFor = x.open()
		r.Why = because("a person cancelled it", j.Reason)
		r.Next = "the end of " + steps(r.WaitsFor) + "; then what was done is taken back"
	case events.JobCompensating:
		x.unwinds(&r)
	default:
		r.Why = x.ended()
	}
	return r
}

// goesOn explains a job that has work with its stages.
func (x *explaining) goesOn(r *Reason) {
	r.WaitsFor = x.open()
	r.Why = steps(r.WaitsFor) + count(r.WaitsFor, " is", " are") + " with a stage, or on the way there"
	r.Next = "the answer of a stage"
	if x.job.Goal == "" {
		return
	}
	r.Why = x.cause() + ", and " + r.Why
	r.Next = "the end of " + steps(r.WaitsFor) + "; then what was done is taken back"
}

// unwinds explains a job whose effects are taken back.
func (x *explaining) unwinds(r *Reason) {
	r.WaitsFor = x.which(effective)
	r.Why = x.cause() + ", and what it did is taken back, last first"
	r.Next = "the undo of " + steps(r.WaitsFor)
	_, r.Until = x.nextTimer()
}

// cause says why a job that is ending, or has been taken back, is.
func (x *explaining) cause() string {
	if x.job.Goal == events.JobCancelled || x.job.State == events.JobCancelled {
		return because("a person cancelled it", x.job.Reason)
	}
	if failed := x.criticalFailures(); len(failed) > 0 {
		return "critical " + steps(failed) + " failed: " + faultText(x.job.Fault)
	}
	if stopped := x.which(func(_ *Step, st events.Step) bool { return st.State == events.StepCancelled }); len(stopped) > 0 {
		return because("a person cancelled it", x.job.Reason)
	}
	return because("a person rolled it back", x.job.Reason)
}

// criticalFailures returns the steps without which the job cannot go on and that
// failed.
func (x *explaining) criticalFailures() []string {
	return x.which(func(s *Step, st events.Step) bool { return s.Critical && st.State == events.StepFailed })
}

// ended explains a job that is final.
func (x *explaining) ended() string {
	switch x.job.State {
	case events.JobCompleted:
		return "every step gave a result, or was not needed"
	case events.JobPartial:
		return "it ended, and " + listing(x.job.Missing) + count(x.job.Missing, " is", " are") + " missing"
	case events.JobFailed:
		if given := x.givenUp(); len(given) > 0 {
			return "a person gave the undo of " + steps(given) + " up: " + faultText(x.job.Fault)
		}
		return x.cause() + ", and nothing was left to take back"
	}
	return x.cause() + ", and what it did is taken back"
}

// givenUp returns the steps whose undo a person gave up.
func (x *explaining) givenUp() []string {
	return x.which(func(_ *Step, st events.Step) bool { return Final(x.job.State) && undoInAttention(st) })
}
