package api

import (
	"encoding/json"
	"time"

	"github.com/millrace/millrace/events"
)

// CheckpointList is the answer of GET /v1/jobs/{id}/steps/{step}/checkpoints, oldest
// first. Only the newest few of a step are kept.
type CheckpointList struct {
	Job         string       `json:"job"`
	Step        string       `json:"step"`
	Checkpoints []Checkpoint `json:"checkpoints"`
}

// Checkpoint is a record of the chain that a step resumes from.
type Checkpoint struct {
	// Position tells it from the others; it grows.
	Position uint64 `json:"position"`
	// Kind is what the record is for: a place to resume from, the claim of an attempt
	// that goes on at one, or the end of the chain. Empty when it is damaged.
	Kind events.CheckpointKind `json:"kind,omitempty"`
	// Number counts the places that were saved. Zero means the start.
	Number  int    `json:"number,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	Worker  string `json:"worker,omitempty"`
	// Stage is the name and version of the stage, and Logic the version of its code.
	Stage string    `json:"stage,omitempty"`
	Logic string    `json:"logic,omitempty"`
	Time  time.Time `json:"time,omitzero"`
	// Done and Total count bytes, or the stage's own unit, and Percent is the part of
	// the one in the other. Total is zero while it is unknown.
	Done    int64 `json:"done,omitempty"`
	Total   int64 `json:"total,omitempty"`
	Percent int   `json:"percent,omitempty"`
	// Decision is what a claim made of the places before it, Reason why, and Cause
	// what had ended the attempt before.
	Decision events.Decision `json:"decision,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Cause    *events.Fault   `json:"cause,omitempty"`
	// Outputs are the names of the contents that were not finished.
	Outputs []string `json:"outputs,omitempty"`
	// Damage says what is wrong with a record that no attempt can use.
	Damage string `json:"damage,omitempty"`
	// State is the stage's own, and StateVersion that of its form. State is there when
	// one checkpoint is read.
	State        json.RawMessage `json:"state,omitempty"`
	StateVersion int             `json:"state_version,omitempty"`
}
