package flow

import "github.com/millrace/millrace/events"

// Outstanding returns everything that is due in state j, in plan order: work
// that must be in the queue, or with a stage, and timers that must run. It is
// computed from the state alone, so that all of it can be published again at any
// time.
//
// It is empty for a final job. But for the timers of limits and of decisions, it is
// empty for a job in state attention or paused, which waits for a person, once what
// was queued is answered. Every other job has something else outstanding.
func Outstanding(p *Plan, j events.Job) []events.DueItem {
	if Final(j.State) {
		return nil
	}
	paused := j.State == events.JobPaused
	var due []events.DueItem
	if watched(p, j) {
		due = append(due, deadlineItem(p, j))
	}
	for i := range p.Steps {
		id := p.Steps[i].ID
		st := j.Steps[id]
		switch st.State {
		case events.StepQueued:
			due = append(due, workItem(id, st))
		case events.StepRetrying:
			if !paused {
				due = append(due, timerItem(id, st))
			}
		}
		if limited(st) {
			due = append(due, totalItem(id, st))
		}
		for _, undo := range [...]bool{false, true} {
			if d := openAt(st, undo); d != nil {
				due = append(due, decisionItem(id, undo, *d))
			}
		}
		if st.Undo == nil {
			continue
		}
		switch st.Undo.State {
		case events.UndoQueued:
			due = append(due, undoItem(id, *st.Undo))
		case events.UndoRetrying:
			if paused {
				continue
			}
			due = append(due, undoTimerItem(id, *st.Undo))
		}
	}
	return due
}

func workItem(id string, st events.Step) events.DueItem {
	return events.DueItem{Kind: events.DueWork, Step: id, Attempt: st.Attempt}
}

func undoItem(id string, u events.StepUndo) events.DueItem {
	return events.DueItem{Kind: events.DueUndo, Step: id, Attempt: u.Attempt}
}

// timerItem carries the attempt that failed; the one it makes due is the next.
func timerItem(id string, st events.Step) events.DueItem {
	return events.DueItem{Kind: events.DueTimer, Step: id, Attempt: st.Attempt, At: st.RetryAt}
}

func undoTimerItem(id string, u events.StepUndo) events.DueItem {
	return events.DueItem{
		Kind:    events.DueTimer,
		Step:    id,
		Attempt: u.Attempt,
		At:      u.RetryAt,
		Undo:    true,
	}
}
