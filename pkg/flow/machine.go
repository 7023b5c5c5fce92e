package flow

import (
	"slices"

	"github.com/millrace/millrace/events"
)

// JobEvent is something that happens to a job as a whole.
type JobEvent string

// Events of the job machine.
const (
	// JobSubmitted makes the job.
	JobSubmitted JobEvent = "submitted"
	// JobStarted comes with the first answer of a stage, or when the submission
	// alone settles every step.
	JobStarted JobEvent = "started"
	// JobIdle: nothing is queued, and at least one timer runs.
	JobIdle JobEvent = "idle"
	// JobResumed ends waiting or attention: a timer fired or a person decided.
	JobResumed JobEvent = "resumed"
	// JobPauseAsked is a person's wish: nothing new begins.
	JobPauseAsked JobEvent = "pause_asked"
	// JobUnpaused: a person lets the job go on.
	JobUnpaused JobEvent = "unpaused"
	// JobStuck: nothing moves until a person decides.
	JobStuck JobEvent = "stuck"
	// JobCancelAsked is a person's wish.
	JobCancelAsked JobEvent = "cancel_asked"
	// JobUndoStarted: no attempt is open any more, and something must be undone.
	JobUndoStarted JobEvent = "undo_started"
	// JobUndoResumed: a person asks for another try of an undo.
	JobUndoResumed JobEvent = "undo_resumed"
	// JobEnded: every step is settled and none is missing.
	JobEnded JobEvent = "ended"
	// JobEndedInPart: every step is settled and something is missing.
	JobEndedInPart JobEvent = "ended_in_part"
	// JobGaveUp: a critical step failed and there is nothing to undo, or an
	// undo was given up.
	JobGaveUp JobEvent = "gave_up"
	// JobStopped: a cancelled job has nothing left to undo.
	JobStopped JobEvent = "stopped"
	// JobRollbackAsked: a person wants what a job that has ended did to be undone.
	JobRollbackAsked JobEvent = "rollback_asked"
	// JobUndone: a critical step failed and all that was done is undone.
	JobUndone JobEvent = "undone"
)

// StepEvent is something that happens to a step.
type StepEvent string

// Events of the step machine.
const (
	// StepAdded makes the step, with its job.
	StepAdded StepEvent = "added"
	// StepDue makes an attempt due: the first, or the next one when a timer
	// fired or a person asked for it.
	StepDue StepEvent = "due"
	// StepReused: a result that another job has of the step still holds.
	StepReused StepEvent = "reused"
	// StepDone: the attempt succeeded.
	StepDone StepEvent = "done"
	// StepDeferred: the attempt failed, and another follows by itself.
	StepDeferred StepEvent = "deferred"
	// StepStuck: the attempt failed in a way that a person must look at.
	StepStuck StepEvent = "stuck"
	// StepGaveUp: the attempt failed for good, an expression failed, the time of
	// the step is over, or a person gave it up.
	StepGaveUp StepEvent = "gave_up"
	// StepPassed: the step is not needed, or its needs have nothing for it.
	StepPassed StepEvent = "passed"
	// StepStopped: the job is cancelled or has failed.
	StepStopped StepEvent = "stopped"
)

// UndoEvent is something that happens to the compensation of a step.
type UndoEvent string

// Events of the undo machine.
const (
	// UndoDue makes an undo due: the first, or the next one.
	UndoDue UndoEvent = "due"
	// UndoSucceeded: the effects of the step are taken back.
	UndoSucceeded UndoEvent = "succeeded"
	// UndoDeferred: the undo failed, and another follows by itself.
	UndoDeferred UndoEvent = "deferred"
	// UndoStuck: the undo failed too often; a person must look at it.
	UndoStuck UndoEvent = "stuck"
)

// jobNew, stepNew and undoNew are the states of what is not yet.
const (
	jobNew  events.JobState  = ""
	stepNew events.StepState = ""
	undoNew events.UndoState = ""
)

// jobMoves is the whole job machine.
var jobMoves = map[events.JobState]map[JobEvent]events.JobState{
	jobNew: {JobSubmitted: events.JobAccepted},
	events.JobAccepted: {
		JobStarted:     events.JobRunning,
		JobPauseAsked:  events.JobPaused,
		JobCancelAsked: events.JobCancelling,
	},
	events.JobRunning: {
		JobIdle:        events.JobWaiting,
		JobStuck:       events.JobAttention,
		JobPauseAsked:  events.JobPaused,
		JobCancelAsked: events.JobCancelling,
		JobUndoStarted: events.JobCompensating,
		JobEnded:       events.JobCompleted,
		JobEndedInPart: events.JobPartial,
		JobGaveUp:      events.JobFailed,
	},
	events.JobWaiting: {
		JobResumed:     events.JobRunning,
		JobPauseAsked:  events.JobPaused,
		JobCancelAsked: events.JobCancelling,
	},
	events.JobAttention: {
		JobResumed:     events.JobRunning,
		JobPauseAsked:  events.JobPaused,
		JobCancelAsked: events.JobCancelling,
		JobUndoResumed: events.JobCompensating,
		JobGaveUp:      events.JobFailed,
	},
	events.JobPaused: {
		JobUnpaused:    events.JobRunning,
		JobCancelAsked: events.JobCancelling,
		JobUndoStarted: events.JobCompensating,
		JobEnded:       events.JobCompleted,
		JobEndedInPart: events.JobPartial,
		JobGaveUp:      events.JobFailed,
	},
	events.JobCancelling: {
		JobUndoStarted: events.JobCompensating,
		JobStopped:     events.JobCancelled,
	},
	events.JobCompensating: {
		JobStuck:   events.JobAttention,
		JobStopped: events.JobCancelled,
		JobUndone:  events.JobRolledBack,
	},
	events.JobCompleted:  {JobRollbackAsked: events.JobCompensating},
	events.JobPartial:    {JobRollbackAsked: events.JobCompensating},
	events.JobFailed:     {},
	events.JobCancelled:  {},
	events.JobRolledBack: {},
}

// stepMoves is the whole step machine.
var stepMoves = map[events.StepState]map[StepEvent]events.StepState{
	stepNew: {StepAdded: events.StepPending},
	events.StepPending: {
		StepDue:     events.StepQueued,
		StepReused:  events.StepSucceeded,
		StepPassed:  events.StepSkipped,
		StepGaveUp:  events.StepFailed,
		StepStopped: events.StepCancelled,
	},
	events.StepQueued: {
		StepDone:     events.StepSucceeded,
		StepDeferred: events.StepRetrying,
		StepStuck:    events.StepAttention,
		StepGaveUp:   events.StepFailed,
		StepStopped:  events.StepCancelled,
	},
	events.StepRetrying: {
		StepDue:     events.StepQueued,
		StepPassed:  events.StepSkipped,
		StepGaveUp:  events.StepFailed,
		StepStopped: events.StepCancelled,
	},
	events.StepAttention: {
		StepDue:     events.StepQueued,
		StepPassed:  events.StepSkipped,
		StepGaveUp:  events.StepFailed,
		StepStopped: events.StepCancelled,
	},
	events.StepSucceeded: {},
	events.StepFailed:    {},
	events.StepSkipped:   {},
	events.StepCancelled: {},
}

// undoMoves is the whole undo machine.
var undoMoves = map[events.UndoState]map[UndoEvent]events.UndoState{
	undoNew: {UndoDue: events.UndoQueued},
	events.UndoQueued: {
		UndoSucceeded: events.UndoDone,
		UndoDeferred:  events.UndoRetrying,
		UndoStuck:     events.UndoAttention,
	},
	events.UndoRetrying:  {UndoDue: events.UndoQueued},
	events.UndoAttention: {UndoDue: events.UndoQueued, UndoSucceeded: events.UndoDone},
	events.UndoDone:      {},
}

// Final reports whether a job in state s has ended: nothing but a person who asks
// for a rollback moves it any more. A word that is no state is not final.
func Final(s events.JobState) bool {
	moves, known := jobMoves[s]
	if _, undoable := moves[JobRollbackAsked]; undoable {
		return true
	}
	return known && len(moves) == 0
}

// settled reports whether a step in state s will not change any more.
func settled(s events.StepState) bool {
	moves, known := stepMoves[s]
	return known && len(moves) == 0
}

// Moves returns the events that a job in state s allows, sorted. It returns
// none for a state that nothing leaves.
func Moves(s events.JobState) []JobEvent { return sortedKeys(jobMoves[s]) }

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
