package flow_test

import (
	"encoding/json"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// checkTransition compares what the transition says with the states around it.
func (s *story) checkTransition(before events.Job, tr flow.Transition) {
	s.t.Helper()
	was, is := flow.Outstanding(s.plan, before), flow.Outstanding(s.plan, tr.Job)
	if diff := cmp.Diff(without(is, was), tr.Due, cmpopts.EquateEmpty()); diff != "" {
		s.t.Fatalf("due is not what is newly outstanding (-want +got):\n%s", diff)
	}
	moved := before.State != tr.Job.State
	if moved != (tr.Kind == events.KindJob) {
		s.t.Fatalf("%s of kind %s, from %s to %s", tr.Type, tr.Kind, before.State, tr.Job.State)
	}
	i := slices.IndexFunc(flow.EventTypes(), func(e flow.EventType) bool { return e.Name == tr.Type })
	if i < 0 {
		s.t.Fatalf("type %q is not listed", tr.Type)
	}
	if kind := flow.EventTypes()[i].Kind; !moved && kind != tr.Kind || kind == "" {
		s.t.Fatalf("%s of kind %s, want %q", tr.Type, tr.Kind, kind)
	}
	if tr.Type == flow.TypeJobRetried && before.Rules < 2 {
		for id, st := range before.Steps {
			if st.State == events.StepRetrying && tr.Job.Steps[id].State != events.StepRetrying {
				s.t.Fatalf("a retry by the old rules moved step %s, which waits by itself", id)
			}
		}
	}
	for id, st := range tr.Job.Steps {
		if n := st.Attempt - before.Steps[id].Attempt; n != 0 && n != 1 {
			s.t.Fatalf("step %s went through %d attempts at once", id, n)
		}
	}
}

// checkJob compares the job's state with those of its steps.
func (s *story) checkJob() {
	s.t.Helper()
	var queued, retrying, attention, undoing int
	undos, modern := map[events.UndoState]int{}, s.job.Rules >= 2
	for i := range s.plan.Steps {
		plan := &s.plan.Steps[i]
		st := s.job.Steps[plan.ID]
		switch st.State {
		case events.StepQueued:
			queued++
		case events.StepRetrying:
			retrying++
		case events.StepAttention:
			attention++
		}
		if st.RetryAt.IsZero() == (st.State == events.StepRetrying) {
			s.t.Fatalf("step %s is %s with a timer at %s", plan.ID, st.State, st.RetryAt)
		}
		budget := plan.Retry.MaxAttempts
		if s.rules {
			budget = max(budget, ruledBudget)
		}
		if st.Spent > budget || st.Spent > st.Attempt {
			s.t.Fatalf("step %s spent %d of %d in %d", plan.ID, st.Spent, plan.Retry.MaxAttempts, st.Attempt)
		}
		if u := st.Undo; u != nil {
			if u.Spent > budget || u.Spent > u.Attempt {
				s.t.Fatalf("undo of %s spent %d in %d", plan.ID, u.Spent, u.Attempt)
			}
			if u.State != events.UndoDone {
				undoing++
				undos[u.State]++
			}
		}
	}
	ok := true
	switch s.job.State {
	case events.JobAccepted, events.JobRunning, events.JobCancelling:
		ok = queued+undos[events.UndoQueued] > 0 && (undoing == 0 || modern)
	case events.JobWaiting:
		ok = queued+undos[events.UndoQueued] == 0 && retrying+undos[events.UndoRetrying] > 0 && (undoing == 0 || modern)
	case events.JobAttention:
		ok = queued+retrying+undos[events.UndoQueued]+undos[events.UndoRetrying] == 0 && attention+undoing > 0 &&
			(modern || undoing <= 1 && (attention > 0) != (undoing == 1))
	case events.JobPaused:
		ok = s.job.FinishedAt.IsZero()
	case events.JobCompensating:
		ok = queued+retrying+attention == 0 && undoing > 0 && (undoing == 1 || modern) && s.job.Goal != ""
	default:
		ok = queued+retrying+attention == 0 && s.job.Goal == "" && !s.job.FinishedAt.IsZero()
	}
	if !ok {
		s.t.Fatalf("%d queued, %d retrying, %d in attention, %d undos open: %s",
			queued, retrying, attention, undoing, asJSON(s.t, s.job))
	}
	idle := flow.Final(s.job.State) || s.job.State == events.JobAttention
	due := moving(flow.Outstanding(s.plan, s.job))
	if (len(due) == 0) != idle && s.job.State != events.JobPaused {
		s.t.Fatalf("outstanding in state %s: %v", s.job.State, due)
	}
	if (flow.Outcome(s.job) != nil) != flow.Final(s.job.State) {
		s.t.Fatalf("outcome in state %s: %v", s.job.State, flow.Outcome(s.job))
	}
}

// checkUndo keeps the order in which steps are undone.
func (s *story) checkUndo(before events.Job, in events.Input) {
	s.t.Helper()
	if o := in.Outcome; o != nil && o.Undo && o.Verdict == events.VerdictSucceeded {
		if slices.Contains(s.undone, o.Step) || before.Steps[o.Step].Undo.State != events.UndoQueued {
			s.t.Fatalf("step %s is undone twice", o.Step)
		}
		s.undone = append(s.undone, o.Step)
	}
}

// checkEnd compares the final state with what happened, and replays it.
func (s *story) checkEnd() {
	s.t.Helper()
	var missing, undo, partial, criticals []string
	stuck := false
	for i := range s.plan.Steps {
		plan := &s.plan.Steps[i]
		st := s.job.Steps[plan.ID]
		switch {
		case st.State == events.StepSucceeded && plan.Compensable:
			undo = append(undo, plan.ID)
		case st.Order > 0 && plan.Compensable: // failed or stopped, and may have had effects
			undo = append(undo, plan.ID)
			partial = append(partial, plan.ID)
		}
		switch {
		case st.State == events.StepSucceeded:
		case st.State == events.StepFailed || st.Reason == flow.ReasonNeedsFailed:
			missing = append(missing, plan.ID)
		}
		if st.State == events.StepFailed && plan.Critical {
			criticals = append(criticals, plan.ID)
		}
		stuck = stuck || st.Undo != nil && st.Undo.State == events.UndoAttention
	}
	slices.SortFunc(undo, func(a, b string) int { return s.job.Steps[b].Order - s.job.Steps[a].Order })
	if got := s.job.Missing; s.job.State == events.JobPartial {
		got = got[:min(len(missing), len(got))]
		if diff := cmp.Diff(missing, got, cmpopts.EquateEmpty()); diff != "" {
			s.t.Fatalf("missing steps differ (-want +got):\n%s", diff)
		}
	}
	late := s.job.Fault != nil && s.job.Fault.Code == string(fault.JobDeadlineExceeded)
	ok := true
	switch s.job.State {
	case events.JobCompleted:
		ok = len(missing) == 0 && s.allUndone(partial) && s.job.Missing == nil && s.job.Fault == nil
	case events.JobPartial:
		ok = len(criticals) == 0 && s.allUndone(partial) && len(s.job.Missing) > 0
	case events.JobFailed:
		ok = s.job.Fault != nil && (stuck || (late || len(criticals) > 0) && s.allUndone(undo))
	case events.JobRolledBack:
		ok = (late || len(criticals) > 0) && len(undo) > 0 && s.allUndone(undo) && s.inOrder(undo) && s.job.Fault != nil
	case events.JobCancelled:
		ok = s.allUndone(undo) && s.inOrder(undo) && s.job.Reason != ""
	}
	if !ok {
		s.t.Fatalf("undone %v of %v, missing %v, critical %v: %s",
			s.undone, undo, missing, criticals, asJSON(s.t, s.job))
	}
	s.checkReplay()
}

// allUndone reports whether these steps are undone, or taken for it by a person.
func (s *story) allUndone(steps []string) bool {
	for _, id := range steps {
		if u := s.job.Steps[id].Undo; u == nil || u.State != events.UndoDone {
			return false
		}
	}
	return true
}

// inOrder reports whether steps were undone in the order wanted. Those that a
// person took for undone, and those that the job went on without, have no place
// in it.
func (s *story) inOrder(want []string) bool {
	own := func(id string) bool {
		st := s.job.Steps[id]
		return st.Undo.Accepted == "" && st.State == events.StepSucceeded
	}
	got := slices.DeleteFunc(slices.Clone(s.undone), func(id string) bool { return !own(id) })
	return slices.Equal(slices.DeleteFunc(slices.Clone(want), func(id string) bool { return !own(id) }), got)
}

// checkReplay reads the records as they are kept, and makes the job again.
func (s *story) checkReplay() {
	s.t.Helper()
	var records []events.Record
	if err := json.Unmarshal([]byte(asJSON(s.t, s.records)), &records); err != nil {
		s.t.Fatal(err)
	}
	got, err := flow.Replay(s.plan, records)
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(asJSON(s.t, s.job), asJSON(s.t, got)); diff != "" {
		s.t.Fatalf("replay differs (-want +got):\n%s", diff)
	}
}
