package api

import (
	"net/url"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
)

// OperationVerb is what an operation does to each of its items.
type OperationVerb string

// Verbs of an operation. All but rerun and redrive are commands to jobs.
const (
	OperationCancel   OperationVerb = "cancel"
	OperationRetry    OperationVerb = "retry"
	OperationAbandon  OperationVerb = "abandon"
	OperationPause    OperationVerb = "pause"
	OperationResume   OperationVerb = "resume"
	OperationRollback OperationVerb = "rollback"
	// OperationRerun makes another job of each that has ended.
	OperationRerun OperationVerb = "rerun"
	// OperationRedrive publishes dead letters again.
	OperationRedrive OperationVerb = "redrive"
)

// OperationVerbs lists the verbs of an operation.
func OperationVerbs() []OperationVerb {
	return []OperationVerb{
		OperationCancel, OperationRetry, OperationAbandon, OperationPause, OperationResume,
		OperationRollback, OperationRerun, OperationRedrive,
	}
}

// Defaults and limits of an operation.
const (
	DefaultRate            = 10
	MaxRate                = 1000
	DefaultInFlight        = 50
	MaxInFlight            = 1000
	DefaultFailuresPercent = 20
	// MaxItems is how many jobs or dead letters one operation takes on.
	MaxItems = 100_000
)

// OperationRequest is the body of POST /v1/operations.
type OperationRequest struct {
	Verb   OperationVerb   `json:"verb"`
	Filter OperationFilter `json:"filter"`
	// Reason is kept with the operation and in the history of each job; 1 byte to
	// 1 KiB.
	Reason string `json:"reason"`
	// Rate is how many items are begun in a second at most, up to 1000. An
	// operation starts at a tenth of it and doubles while all goes well. Zero
	// means 10.
	Rate float64 `json:"rate,omitempty"`
	// InFlight is how many items are on their way at once at most, up to 1000. An
	// item is until its job has taken the command and has come to rest again
	// (final, in attention or paused), or 60 seconds have passed since it took
	// it. Zero means 50.
	InFlight int `json:"in_flight,omitempty"`
	// DryRun says of each item what would become of it, and does nothing.
	DryRun bool   `json:"dry_run,omitempty"`
	StopOn StopOn `json:"stop_on,omitzero"`
	// AcceptIrreversible lets a rollback leave what cannot be taken back.
	AcceptIrreversible bool `json:"accept_irreversible,omitempty"`
	// Rerun says how jobs are run again. Nil means by their own version, reusing
	// what has not changed.
	Rerun *RerunOptions `json:"rerun,omitempty"`
}

// StopOn says when an operation stops by itself.
type StopOn struct {
	// FailuresPercent is the share of the last 50 items, of which there are at
	// least 5, whose job fails again because of a dependency that is down, limits
	// the rate or does not answer in time. 100 means never, zero 20.
	FailuresPercent int `json:"failures_percent,omitempty"`
	// IgnoreBreakers lets it go on though the circuit of a dependency is open that
	// its jobs have to do with.
	IgnoreBreakers bool `json:"ignore_breakers,omitempty"`
}

// OperationFilter says which jobs, or for redrive which dead letters, an operation is
// about. All that is said must hold, and something must be said.
type OperationFilter struct {
	// States are states of a job. A job that is in none of them when its turn
	// comes is left alone.
	States []events.JobState `json:"state,omitempty"`
	// Pipeline is the name of a job's pipeline.
	Pipeline string `json:"pipeline,omitempty"`
	// Labels are labels that a job must have.
	Labels map[string]string `json:"labels,omitempty"`
	// Code is that of the fault of a job, or of one of its steps, or of a letter.
	Code string `json:"code,omitempty"`
	// Consumer is the one that gave a dead letter up.
	Consumer string `json:"consumer,omitempty"`
	// Since and Until bound when a job was accepted, or a letter given up.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// IDs name jobs or dead letters.
	IDs []string `json:"ids,omitempty"`
}

// OperationState is where an operation stands.
type OperationState string

// States of an operation.
const (
	// OperationRunning works its items off.
	OperationRunning OperationState = "running"
	// OperationStopped was stopped, by somebody or by itself; it can be resumed.
	OperationStopped OperationState = "stopped"
	// OperationDone has been through all of its items.
	OperationDone OperationState = "done"
)

// Operation is a bulk action: a verb, and the jobs or dead letters that the filter
// matched when it was accepted. What comes later is no part of it.
type Operation struct {
	ID string `json:"id"`
	// Revision counts its starts and stops; it is also the ETag.
	Revision uint64 `json:"revision"`
	OperationRequest
	// By is who asked for it.
	By    string         `json:"by,omitempty"`
	State OperationState `json:"state"`
	// Why says why it stopped, and Code is the fault behind that when it stopped
	// by itself.
	Why  string `json:"why,omitempty"`
	Code string `json:"code,omitempty"`
	// Counts are those of its items.
	Counts OperationCounts `json:"counts"`
	// Pace is how many items a second are begun now.
	Pace float64 `json:"pace,omitempty"`
	// AcceptedAt is when the filter was frozen, ChangedAt when it was started or
	// stopped last.
	AcceptedAt time.Time `json:"accepted_at"`
	ChangedAt  time.Time `json:"changed_at"`
	// ChangedBy is who did that. Empty means that it stopped by itself, or has run
	// since it was accepted.
	ChangedBy string `json:"changed_by,omitempty"`
}

// OperationCounts count the items of an operation.
type OperationCounts struct {
	// Matched is how many there are. It is Done, Refused, Failed and Remaining
	// together.
	Matched int `json:"matched"`
	// Done took the command, or would take it in a dry run.
	Done int `json:"done"`
	// Refused did not, because of the state that they are in.
	Refused int `json:"refused"`
	// Failed did not for another reason.
	Failed int `json:"failed"`
	// Remaining have no result yet.
	Remaining int `json:"remaining"`
	// InFlight are on their way.
	InFlight int `json:"in_flight"`
	// Again took the command and have failed again since.
	Again int `json:"again"`
}

// ItemState is what became of an item.
type ItemState string

// States of an item.
const (
	// ItemPending waits for its turn.
	ItemPending ItemState = "pending"
	// ItemSent was asked, and has not answered yet.
	ItemSent ItemState = "sent"
	// ItemDone took the command, or would take it in a dry run.
	ItemDone ItemState = "done"
	// ItemRefused did not take it because of the state it is in.
	ItemRefused ItemState = "refused"
	// ItemFailed did not take it for another reason.
	ItemFailed ItemState = "failed"
)

// ItemStates lists the states of an item.
func ItemStates() []ItemState {
	return []ItemState{ItemPending, ItemSent, ItemDone, ItemRefused, ItemFailed}
}

// OperationItem is a job or a dead letter of an operation.
type OperationItem struct {
	// Number counts the items from 1.
	Number int `json:"number"`
	// ID is the job's, or the dead letter's.
	ID    string    `json:"id"`
	State ItemState `json:"state"`
	// Code and Detail say why it was refused or failed.
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail,omitempty"`
	// At is when it came to that state.
	At time.Time `json:"at,omitzero"`
	// Job is the job that a redriven letter is about or makes, or that runs a job
	// again. JobState is where
	// the job came to rest after the command, and Again the fault with which it
	// has failed again.
	Job      string          `json:"job,omitempty"`
	JobState events.JobState `json:"job_state,omitempty"`
	Again    string          `json:"again,omitempty"`
}

// OperationList is the answer of GET /v1/operations, newest first.
type OperationList struct {
	Operations []Operation `json:"operations"`
}

// OperationItems is the answer of GET /v1/operations/{id}/items, in their order.
type OperationItems struct {
	Items []OperationItem `json:"items"`
	// NextCursor asks for the items after these. Empty means that there are none.
	NextCursor string `json:"next_cursor,omitempty"`
}

// ItemQuery says which items of an operation to list.
type ItemQuery struct {
	// State is what became of them. Empty means all.
	State ItemState
	// Limit is the size of a page: 1 to 500, zero means 50.
	Limit int
	// Cursor is the NextCursor of the page before. Empty means the first page.
	Cursor string
}

// Values returns the query as it is written in a URL. [ParseItemQuery] reads it.
func (q ItemQuery) Values() url.Values {
	return written(map[string]string{"state": string(q.State), "cursor": q.Cursor}, q.Limit)
}

// ParseItemQuery reads the query of GET /v1/operations/{id}/items: state, limit,
// cursor. Anything else is refused with fault http.bad_request.
func ParseItemQuery(v url.Values) (ItemQuery, error) {
	var q ItemQuery
	if err := once(v, q.set); err != nil {
		return ItemQuery{}, err
	}
	return q, nil
}

func (q *ItemQuery) set(name, value string) (err error) {
	switch name {
	case "state":
		if q.State = ItemState(value); !slices.Contains(ItemStates(), q.State) {
			return badQuery("there is no state %q; there are %q", value, ItemStates())
		}
	case "limit":
		q.Limit, err = pageLimit(value)
	case "cursor":
		q.Cursor = value
	default:
		return badQuery("there is no filter %q; there are state, limit and cursor", name)
	}
	return err
}
