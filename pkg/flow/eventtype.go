package flow

import "github.com/millrace/millrace/events"

// Types of a record: what happened. A record that changes the job's state has
// the type of the state it enters, and names the step that caused it.
const (
	TypeJobAccepted     = "job.accepted"
	TypeJobRunning      = "job.running"
	TypeJobWaiting      = "job.waiting"
	TypeJobAttention    = "job.attention"
	TypeJobCancelling   = "job.cancelling"
	TypeJobCompensating = "job.compensating"
	TypeJobCompleted    = "job.completed"
	TypeJobPartial      = "job.partial"
	TypeJobFailed       = "job.failed"
	TypeJobCancelled    = "job.cancelled"
	TypeJobRolledBack   = "job.rolled_back"
	TypeJobRetried      = "job.retried"
	TypeJobAbandoned    = "job.abandoned"

	TypeStepSucceeded      = "step.succeeded"
	TypeStepFailed         = "step.failed"
	TypeStepRetryScheduled = "step.retry_scheduled"
	TypeStepRetried        = "step.retried"
	TypeStepAttention      = "step.attention"
	TypeStepCancelled      = "step.cancelled"
	TypeStepSkipped        = "step.skipped"

	TypeUndoSucceeded      = "undo.succeeded"
	TypeUndoRetryScheduled = "undo.retry_scheduled"
	TypeUndoRetried        = "undo.retried"
	TypeUndoFailed         = "undo.failed"
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
	}
}
