package api

import (
	"time"

	"github.com/millrace/millrace/events"
)

// Order is the body of POST /v1/jobs/{id}/VERB, without the verb. Each verb takes
// only its own members; the body may be left out when it would say nothing.
type Order struct {
	// Reason is kept in the job's record; at most 1 KiB. Accept and rollback need
	// one.
	Reason string `json:"reason,omitempty"`
	// Step is the step that is meant: always with skip, and with retry and accept
	// unless all are.
	Step string `json:"step,omitempty"`
	// Force skips a step that is critical, too.
	Force bool `json:"force,omitempty"`
	// Effect says, to retry, whether an effect was done that nobody could tell of.
	Effect events.Settlement `json:"effect,omitempty"`
	// Plan is the digest of the plan that a rollback carries out.
	Plan string `json:"plan,omitempty"`
	// Irreversible accepts that a rollback leaves what cannot be taken back.
	Irreversible bool `json:"irreversible,omitempty"`
}

// Rollback is the answer of GET /v1/jobs/{id}/rollback: what a rollback of the job
// would do. The revision is also the ETag, which POST wants in If-Match.
type Rollback struct {
	Revision uint64 `json:"revision"`
	Job      string `json:"job"`
	// Steps are what the job did outside, in the order in which it is taken back.
	Steps []RollbackStep `json:"steps"`
	// Digest stands for all of it; the order names it as its plan.
	Digest string `json:"digest"`
}

// RollbackStep is one step of a rollback.
type RollbackStep struct {
	Step  string `json:"step"`
	Stage string `json:"stage"`
	// Reversible is false for what stays.
	Reversible bool `json:"reversible"`
	// Attempt, Files and Findings are those of the result that is taken back.
	Attempt  int               `json:"attempt"`
	Files    []events.File     `json:"files,omitempty"`
	Findings map[string]string `json:"findings,omitempty"`
}

// Explanation is the answer of GET /v1/jobs/{id}/explain. The revision is also the
// ETag.
type Explanation struct {
	Revision uint64 `json:"revision"`
	Job      string `json:"job"`
	// Reasons are those of the job and then of each step, in the order of the
	// pipeline; a step's undo comes behind the step.
	Reasons []Reason `json:"reasons"`
}

// Reason says why a job, a step, or the undo of a step stands where it stands.
type Reason struct {
	// Step is the step it is about, empty for the job. Undo is true when it is
	// about the step's undo.
	Step  string `json:"step,omitempty"`
	Undo  bool   `json:"undo,omitempty"`
	State string `json:"state"`
	// Why says it in a sentence, and Next what moves it on. Next is empty when
	// nothing will.
	Why  string `json:"why"`
	Next string `json:"next,omitempty"`
	// Until is when it moves on by itself. Zero means that no timer moves it.
	Until time.Time `json:"until,omitzero"`
	// AttemptsLeft is how many attempts the budget still holds, the one at hand among
	// them. Zero when it has settled or a person is asked.
	AttemptsLeft int `json:"attempts_left,omitempty"`
	// WaitsFor are the steps that it waits for.
	WaitsFor []string `json:"waits_for,omitempty"`
	// Reuse is what a rerun decided about the step.
	Reuse *events.Reuse `json:"reuse,omitempty"`
	// Fault is the newest one that has to do with it.
	Fault *events.Fault `json:"fault,omitempty"`
	// Choices are the commands that move it, or all that the job takes.
	Choices []events.Choice `json:"choices,omitempty"`
}
