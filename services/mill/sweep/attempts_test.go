package sweep

import (
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// tried is what the records say of a step, or of its undo.
type tried struct{ due, answers, spent int }

// judgeAttempts counts, from the inputs alone, how often each step was due, was
// answered, and has spent of its budget, and holds that against the policy and
// against what the job's state says.
func (a *tale) judgeAttempts() {
	work, undos := map[string]*tried{}, map[string]*tried{}
	for i := range a.def.Plan.Steps {
		work[a.def.Plan.Steps[i].ID], undos[a.def.Plan.Steps[i].ID] = &tried{}, &tried{}
	}
	for _, r := range a.history(events.DefaultTenant, jobID) {
		if o := r.Input.Outcome; o != nil && o.Verdict != events.VerdictResumed {
			of := work[o.Step]
			if o.Undo {
				of = undos[o.Step]
			}
			of.answers++
			if o.Verdict == events.VerdictFailed && costs(o) {
				of.spent++
			}
		}
		if c := r.Input.Control; c != nil && c.Verb == events.VerbRetry {
			a.fresh(r, work, undos)
		}
		for _, d := range r.Due {
			switch d.Kind {
			case events.DueWork:
				work[d.Step].due++
			case events.DueUndo:
				undos[d.Step].due++
			}
		}
		a.judgeBudgets(r, work, undos)
	}
}

// fresh forgets what was spent by those that a retry gave a fresh budget: the ones
// that were made due by it, and had stood in attention.
func (a *tale) fresh(r events.Record, work, undos map[string]*tried) {
	for _, d := range r.Due {
		switch {
		case d.Kind == events.DueWork && r.Job.Steps[d.Step].Spent == 0:
			work[d.Step].spent = 0
		case d.Kind == events.DueUndo && r.Job.Steps[d.Step].Undo.Spent == 0:
			undos[d.Step].spent = 0
		}
	}
}

// judgeBudgets holds the counts against the state after a record.
func (a *tale) judgeBudgets(r events.Record, work, undos map[string]*tried) {
	for i := range a.def.Plan.Steps {
		s := &a.def.Plan.Steps[i]
		st := r.Job.Steps[s.ID]
		most := s.Retry.MaxAttempts
		if most == 0 {
			most = flow.DefaultRetry.MaxAttempts
		}
		judge := func(what string, got *tried, attempt, spent int, open bool) {
			answers := got.answers
			if open {
				answers++
			}
			a.wrongUnless(got.due == attempt && answers == attempt, "record %d: %s of step %s was due %d times and answered %d times, and is at attempt %d",
				r.Revision, what, s.ID, got.due, got.answers, attempt)
			a.wrongUnless(got.spent == spent && spent <= most, "record %d: %s of step %s has spent %d of %d, and the state says %d",
				r.Revision, what, s.ID, got.spent, most, spent)
		}
		judge("the work", work[s.ID], st.Attempt, st.Spent, st.State == events.StepQueued)
		if u := st.Undo; u != nil {
			judge("the undo", undos[s.ID], u.Attempt, u.Spent, u.State == events.UndoQueued)
		}
	}
}

// costs reports whether a failed attempt counts against the budget: as the published
// table says, and for an undo, whatever the class, unless that is free, or nobody can
// tell whether it was done, which is for a person at once.
func costs(o *events.AttemptOutcome) bool {
	if o.Fault == nil || o.Fault.Code == string(fault.StageDraining) {
		return false
	}
	policies := flow.Policies()
	i := slices.IndexFunc(policies, func(p flow.Policy) bool { return string(p.Class) == o.Fault.Class })
	undo := o.Undo && o.Fault.Class != string(fault.UnknownEffect)
	return !policies[i].Free && (undo || policies[i].Again)
}
