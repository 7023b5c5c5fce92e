package flow

import (
	"time"

	"github.com/millrace/millrace/events"
)

// Env is what a decision takes from the world. The record keeps both values, so
// that the decision can be made again.
type Env struct {
	// Now is the time of the record. It is used in UTC, cut to milliseconds.
	Now time.Time
	// Entropy is a random number for the jitter of a retry.
	Entropy uint64
}

// Transition is what an input does to a job.
type Transition struct {
	// Changed is false when the input changes nothing because it is stale or
	// repeated. Job is then the state as it was, and the other fields are empty.
	Changed bool
	// Type names what happened; see [EventTypes].
	Type string
	// Cause is what happened when Type is the state that the job has entered by
	// it: the job is in attention because an undo failed. Else it is empty.
	Cause string
	// Kind is [events.KindJob] when the job was made or its state changed,
	// else [events.KindUndo] for compensating work, else [events.KindStep].
	Kind string
	// Step and Attempt name the step that caused it. They are empty for a
	// submission and for a command.
	Step    string
	Attempt int
	// Job is the state after. It may share memory with the state before and
	// with the input; none of the three may be changed.
	Job events.Job
	// Due is what the transition made due, in plan order.
	Due []events.DueItem
}
