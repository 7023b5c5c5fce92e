package flow

import "github.com/millrace/millrace/events"

// ReuseText says in a sentence why a step of a rerun was reused, or was not.
func ReuseText(r *events.Rerun, step string, u events.Reuse) string {
	switch u.Reason {
	case events.ReuseUnchanged:
		return "stage, configuration and inputs are what they were in job " + u.Job
	case events.ReuseNotWanted:
		return "nothing was to be reused"
	case events.ReuseFromStep:
		if step == r.FromStep {
			return "the rerun begins with it"
		}
		return "it depends on step " + r.FromStep + ", with which the rerun begins"
	case events.ReuseNewStep:
		return "job " + r.Job + " had no such step"
	case events.ReuseNotDone:
		return "job " + r.Job + " has no result of it"
	case events.ReuseUndone:
		return "what was done there before was taken back"
	case events.ReuseStageChanged:
		return "its stage is not the one of job " + r.Job
	case events.ReuseConfigChanged:
		return "its configuration is not the one of job " + r.Job
	case events.ReuseInputsChanged:
		return "its inputs are not those of job " + r.Job
	case events.ReuseFilesGone:
		return "the store does not hold all files of its earlier result any more"
	case events.ReuseOriginGone:
		return "the job that did it is not kept any more, and nobody can tell whether it was taken back"
	}
	return string(u.Reason)
}

// rerun says that a job is one.
func (x *explaining) rerun() string {
	r := x.job.Rerun
	if r == nil {
		return ""
	}
	text := "; it runs job " + r.Job + " again"
	if r.FromStep != "" {
		text += " from step " + r.FromStep
	}
	return because(text, r.Reason)
}

// reuse says what a rerun decided about a step, or how it will.
func (x *explaining) reuse(s *Step, st events.Step) string {
	r := x.job.Rerun
	switch {
	case r == nil:
		return ""
	case reused(st):
		text := "; what it did outside stays with that job, and is not taken back with this one"
		if !s.Compensable && !s.Irreversible {
			text = ""
		}
		return text
	case st.Reuse != nil:
		return "; it was not reused, because " + ReuseText(r, s.ID, *st.Reuse)
	case st.State != events.StepPending:
		return ""
	}
	if reason := foreseen(x.plan, r, s, st.Prior); reason != "" {
		return "; it is not reused, because " + ReuseText(r, s.ID, events.Reuse{Reason: reason})
	}
	return "; it is reused if what it needs gives the same as in job " + r.Job
}
