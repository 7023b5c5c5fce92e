package flow

import "github.com/millrace/millrace/events"

// Types of a record: what happened. A record that changes the job's state has
// the type of the state it enters, and names the step that caused it.
const (
	TypeJobAccepted     = "job.accepted"
	TypeJobRunning      = "job.running"
	TypeJobWaiting      = "job.waiting"
	TypeJobAttention    = "job.attention"
	TypeJobPaused       = "job.paused"
	TypeJobCancelling   = "job.cancelling"
	TypeJobCompensating = "job.compensating"
	TypeJobCompleted    = "job.completed"
	TypeJobPartial      = "job.partial"
	TypeJobFailed       = "job.failed"
	TypeJobCancelled    = "job.cancelled"
	TypeJobRolledBack   = "job.rolled_back"
	TypeJobRetried      = "job.retried"
	TypeJobAbandoned    = "job.abandoned"
	TypeJobOverdue      = "job.overdue"

	TypeDecisionMade    = "decision.made"
	TypeDecisionOverdue = "decision.overdue"

	TypeStepResumed        = "step.resumed"
	TypeStepSucceeded      = "step.succeeded"
	TypeStepFailed         = "step.failed"
	TypeStepRetryScheduled = "step.retry_scheduled"
	TypeStepRetried        = "step.retried"
	TypeStepAttention      = "step.attention"
	TypeStepCancelled      = "step.cancelled"
	TypeStepSkipped        = "step.skipped"
	TypeStepReused         = "step.reused"

	TypeUndoSucceeded      = "undo.succeeded"
	TypeUndoRetryScheduled = "undo.retry_scheduled"
	TypeUndoRetried        = "undo.retried"
	TypeUndoFailed         = "undo.failed"
	TypeUndoAccepted       = "undo.accepted"
)

// EventType describes one type of record.
type EventType struct {
	// Name is the type of the record and Text what it means.
	Name, Text string
	// Kind is where such a record is filed, as long as it does not change the
	// job's state. Empty means that no record has this type of its own: the
	// fact is part of another record.
	Kind string
}

// EventTypes returns all types of record, in the order of a job's life.
func EventTypes() []EventType {
	return []EventType{
		{TypeJobAccepted, "the job was made; its first steps are due", events.KindJob},
		{TypeJobRunning, "a step has moved, and an attempt is open; step names it", events.KindJob},
		{TypeStepResumed, "an attempt goes on where an earlier one stopped, or says why it cannot; resumed tells", events.KindStep},
		{TypeStepSucceeded, "an attempt succeeded", events.KindStep},
		{TypeStepRetryScheduled, "an attempt failed; a timer makes another due", events.KindStep},
		{TypeStepRetried, "a timer fired; the next attempt is due", events.KindStep},
		{TypeStepFailed, "a step failed for good", events.KindStep},
		{TypeStepAttention, "an attempt failed in a way that a person must look at, while other steps go on", events.KindStep},
		{TypeStepCancelled, "an open attempt of a job that is being ended did not succeed", events.KindStep},
		{TypeStepSkipped, "a person went on without a step; that a step was not needed is part of another record", events.KindStep},
		{TypeStepReused, "a rerun took the result of a step over; the step's reuse tells from where and why", ""},
		{TypeJobWaiting, "nothing is queued; a timer goes on with the job", events.KindJob},
		{TypeJobAttention, "nothing moves until a person retries or abandons", events.KindJob},
		{TypeJobPaused, "a person wants nothing new to begin until the job is resumed", events.KindJob},
		{TypeJobRetried, "a person asked for another try of all that is in attention", events.KindStep},
		{TypeJobAbandoned, "a person gave all steps in attention up, and the job goes on", events.KindStep},
		{TypeJobOverdue, "the job's deadline has passed, and an undo that had failed before is in the way of taking it back", events.KindStep},
		{TypeDecisionMade, "a person, or the default when nobody had in time, decided about a step or its undo, and the job goes on; the step's decision says who, what and why", events.KindStep},
		{TypeDecisionOverdue, "nobody has decided in time about a step or its undo, and a person is asked again", events.KindStep},
		{TypeJobCancelling, "a person asked to cancel; open attempts are awaited", events.KindStep},
		{TypeJobCompensating, "no attempt is open; the last success that can be undone is being undone", events.KindJob},
		{TypeUndoSucceeded, "a step is undone; the one before it is due", events.KindUndo},
		{TypeUndoRetryScheduled, "an undo failed; a timer makes another due", events.KindUndo},
		{TypeUndoRetried, "a timer fired; the next undo is due", events.KindUndo},
		{TypeUndoFailed, "an undo failed too often and is in attention", events.KindUndo},
		{TypeUndoAccepted, "a person took an undo that failed for done", events.KindUndo},
		{TypeJobCompleted, "every step gave a result, or was not needed; final", events.KindJob},
		{TypeJobPartial, "the job ended and something is missing; final", events.KindJob},
		{TypeJobFailed, "a critical step failed and nothing was undone, or an undo was given up; final", events.KindJob},
		{TypeJobCancelled, "the job was cancelled and undone; final", events.KindJob},
		{TypeJobRolledBack, "a critical step failed and all that was done is undone; final", events.KindJob},
	}
}

// entryTypes are the types of a record that takes the job to another state.
var entryTypes = map[events.JobState]string{
	events.JobAccepted:     TypeJobAccepted,
	events.JobRunning:      TypeJobRunning,
	events.JobWaiting:      TypeJobWaiting,
	events.JobAttention:    TypeJobAttention,
	events.JobPaused:       TypeJobPaused,
	events.JobCancelling:   TypeJobCancelling,
	events.JobCompensating: TypeJobCompensating,
	events.JobCompleted:    TypeJobCompleted,
	events.JobPartial:      TypeJobPartial,
	events.JobFailed:       TypeJobFailed,
	events.JobCancelled:    TypeJobCancelled,
	events.JobRolledBack:   TypeJobRolledBack,
}

// entered returns the type of a record that changed the job's state. A person
// who got the job going again is worth more than the state it goes on in.
func (c *change) entered() string {
	switch {
	case c.event == TypeJobRetried,
		c.event == TypeDecisionMade && c.goesOn(),
		c.event == TypeJobAbandoned && c.job.State == events.JobRunning:
		return c.event
	}
	return entryTypes[c.job.State]
}

// goesOn reports whether the change lets a job in attention go on where it was
// going, forward or back.
func (c *change) goesOn() bool {
	return c.job.State == events.JobRunning || c.was.Goal != "" && c.job.State == events.JobCompensating
}
