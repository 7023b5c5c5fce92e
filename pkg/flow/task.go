package flow

import (
	"time"

	"github.com/millrace/millrace/events"
)

// Task returns the work or undo message of item d, which state j has
// outstanding; revision is that of j's record. It gives the same task for the
// same item whenever it is asked.
//
// Faults: internal.bug when p is not the job's plan, when j does not expect d, or
// when d is a timer, which needs no task; pipeline.expression_failed when the configuration cannot be
// resolved, which Apply has found possible before it made the step due.
func Task(p *Plan, j events.Job, d events.DueItem, revision uint64) (events.Task, error) {
	if p.Digest != j.Pipeline.Digest {
		return events.Task{}, bug("plan " + p.Digest + " is not that of job " + j.ID)
	}
	s := p.find(d.Step)
	if s == nil || !due(j.Steps[d.Step], d) {
		return events.Task{}, bug(string(d.Kind) + " of step " + d.Step + " is not due in job " + j.ID)
	}
	t := events.Task{
		Job:       j.ID,
		Tenant:    j.Tenant,
		Pipeline:  j.Pipeline,
		Step:      s.ID,
		Stage:     s.Stage,
		Attempt:   d.Attempt,
		Undo:      d.Kind == events.DueUndo,
		Revision:  revision,
		Files:     inputs(&j, s),
		TimeoutMS: milliseconds(s.Timeout),
		Cause:     j.Steps[s.ID].Fault,
		Settle:    j.Steps[s.ID].Settle,

		CheckpointBytes: s.Checkpoint,
	}
	if !t.Undo {
		limitTask(&t, p, j, s)
	}
	if len(s.Needs) == 0 && s.Fetches {
		t.Sources = j.Files
	}
	if s.With != nil {
		config, err := s.With.Resolve(Facts{Job: &j, Step: s.ID, Files: t.Files})
		if err != nil {
			return events.Task{}, expressionFault("with of step "+s.ID, err)
		}
		t.Config = config
	}
	if t.Undo {
		st := j.Steps[s.ID]
		t.Cause = st.Undo.Fault
		t.Done = &events.Result{Files: st.Files, Findings: st.Findings}
	}
	return t, nil
}

// due reports whether a step in state st waits for the answer to d.
func due(st events.Step, d events.DueItem) bool {
	switch d.Kind {
	case events.DueWork:
		return st.State == events.StepQueued && st.Attempt == d.Attempt
	case events.DueUndo:
		return st.Undo != nil && st.Undo.State == events.UndoQueued && st.Undo.Attempt == d.Attempt
	}
	return false
}

// milliseconds rounds up, so that a limit never becomes none.
func milliseconds(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
