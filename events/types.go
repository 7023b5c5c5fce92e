package events

import (
	"encoding/json"
	"time"
)

// Submission asks for a job.
type Submission struct {
	// Key is the idempotency key, 1 to 255 bytes. Empty means the Nats-Msg-Id
	// header, and without one every submission is a new job.
	Key string `json:"key,omitempty"`
	// Files are what the job works on, at least one, at most 1000.
	Files []Source `json:"files"`
	// Params are the pipeline's parameters, an object of at most 64 KiB.
	Params json.RawMessage `json:"params,omitempty"`
	// Labels are for finding the job again, at most 64. They are not part of
	// the content that the idempotency key stands for.
	Labels map[string]string `json:"labels,omitempty"`
}

// Source says where a file comes from. Exactly one of URL, Digest and Inline is set.
type Source struct {
	// Name is the file's base name. Empty means the last part of the URL.
	Name string `json:"name,omitempty"`
	// URL is a file, http or https address.
	URL string `json:"url,omitempty"`
	// Digest names an artifact that the store already holds.
	Digest string `json:"digest,omitempty"`
	// Inline is the content itself, at most 64 KiB.
	Inline []byte `json:"inline,omitempty"`
	// MediaType is what the submitter declares; identify compares it.
	MediaType string `json:"media_type,omitempty"`
	// Size in bytes, when it is known. Zero means unknown for a URL.
	Size int64 `json:"size,omitempty"`
}

// File is a named artifact.
type File struct {
	Name string `json:"name"`
	// Digest is "sha256:" and 64 lower-case hex digits.
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// MediaType is empty until it was declared or identified.
	MediaType string `json:"media_type,omitempty"`
}

// Fault is a classified error.
type Fault struct {
	Code    string `json:"code"`
	Class   string `json:"class"`
	Message string `json:"message,omitempty"`
	Hint    string `json:"hint,omitempty"`
	// RetryAfterMS is the shortest wait before another attempt, in
	// milliseconds. Zero leaves it to the policy.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
}

// Receipt answers a submission.
type Receipt struct {
	Job   string   `json:"job"`
	State JobState `json:"state"`
	// Duplicate is true when the key had made this job before.
	Duplicate bool `json:"duplicate"`
	// Outcome is set when the job is final.
	Outcome *JobOutcome `json:"outcome,omitempty"`
}

// JobOutcome is what a final job left behind.
type JobOutcome struct {
	State      JobState          `json:"state"`
	FinishedAt time.Time         `json:"finished_at"`
	Outputs    map[string][]File `json:"outputs,omitempty"`
	// Missing lists the steps a partial job has no result of.
	Missing []string `json:"missing,omitempty"`
	Fault   *Fault   `json:"fault,omitempty"`
}

// Problem says why a request was refused (RFC 9457).
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Class     string `json:"class"`
	Retryable bool   `json:"retryable"`
	Detail    string `json:"detail,omitempty"`
	Hint      string `json:"hint,omitempty"`
	Instance  string `json:"instance,omitempty"`
	// Job is the job that an idempotency key was first used for.
	Job    string         `json:"job,omitempty"`
	Errors []ProblemError `json:"errors,omitempty"`
}

// ProblemError is one of several complaints.
type ProblemError struct {
	// Pointer is a JSON pointer into the request, or file:line:column.
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Hint    string `json:"hint,omitempty"`
}

// JobState is where a job stands.
type JobState string

// StepState is where a step of a job stands.
type StepState string

// UndoState is where the compensation of a step stands.
type UndoState string

// Verdict is how an attempt ended.
type Verdict string

// States of a job. The last five are final.
const (
	JobAccepted     JobState = "accepted"
	JobRunning      JobState = "running"
	JobWaiting      JobState = "waiting"
	JobAttention    JobState = "attention"
	JobCancelling   JobState = "cancelling"
	JobCompensating JobState = "compensating"
	JobCompleted    JobState = "completed"
	JobPartial      JobState = "partial"
	JobFailed       JobState = "failed"
	JobCancelled    JobState = "cancelled"
	JobRolledBack   JobState = "rolled_back"
)

// States of a step. The last four are final.
const (
	StepPending   StepState = "pending"
	StepQueued    StepState = "queued"
	StepRetrying  StepState = "retrying"
	StepAttention StepState = "attention"
	StepSucceeded StepState = "succeeded"
	StepFailed    StepState = "failed"
	StepSkipped   StepState = "skipped"
	StepCancelled StepState = "cancelled"
)

// States of a compensation.
const (
	UndoQueued    UndoState = "queued"
	UndoRetrying  UndoState = "retrying"
	UndoAttention UndoState = "attention"
	UndoDone      UndoState = "done"
)

// Verdicts of an attempt.
const (
	VerdictSucceeded Verdict = "succeeded"
	VerdictFailed    Verdict = "failed"
)

// Job is the state of a job after a record.
type Job struct {
	ID       string      `json:"id"`
	Tenant   string      `json:"tenant"`
	Pipeline PipelineRef `json:"pipeline"`
	State    JobState    `json:"state"`
	// Key is the idempotency key, and Fingerprint the digest of what it stands for.
	Key         string            `json:"key,omitempty"`
	Fingerprint string            `json:"fingerprint"`
	Files       []Source          `json:"files"`
	Params      json.RawMessage   `json:"params,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Steps       map[string]Step   `json:"steps"`
	Outputs     map[string][]File `json:"outputs,omitempty"`
	Missing     []string          `json:"missing,omitempty"`
	Fault       *Fault            `json:"fault,omitempty"`
	// Goal is the final state that cancelling or compensating leads to.
	Goal JobState `json:"goal,omitempty"`
	// Reason is why the job was cancelled.
	Reason      string    `json:"reason,omitempty"`
	AcceptedAt  time.Time `json:"accepted_at"`
	FinishedAt  time.Time `json:"finished_at,omitzero"`
	Traceparent string    `json:"traceparent,omitempty"`
}

// PipelineRef is one immutable version of a pipeline.
type PipelineRef struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Step is the state of a step.
type Step struct {
	State StepState `json:"state"`
	// Stage is the name and version of the stage: "compress@1".
	Stage string `json:"stage"`
	// Attempt counts the tries from 1; it is 0 before the first.
	Attempt int `json:"attempt"`
	// Spent counts the tries that used up the retry budget.
	Spent int `json:"spent,omitempty"`
	// Logic is the version of the stage's logic that made the result.
	Logic    string            `json:"logic,omitempty"`
	Files    []File            `json:"files,omitempty"`
	Findings map[string]string `json:"findings,omitempty"`
	Fault    *Fault            `json:"fault,omitempty"`
	// RetryAt is when the next attempt is due. Only in state retrying.
	RetryAt time.Time `json:"retry_at,omitzero"`
	// Reason is why a step was skipped: when_false or needs_failed.
	Reason string `json:"reason,omitempty"`
	// Order counts the successes of the job from 1; compensation runs it backwards.
	Order int       `json:"order,omitempty"`
	Undo  *StepUndo `json:"undo,omitempty"`
}

// StepUndo is the state of a compensation.
type StepUndo struct {
	State   UndoState `json:"state"`
	Attempt int       `json:"attempt"`
	Spent   int       `json:"spent,omitempty"`
	Fault   *Fault    `json:"fault,omitempty"`
	RetryAt time.Time `json:"retry_at,omitzero"`
}

// Record is one committed transition of a job: what came in, what happened, the
// state after it and what is now due. Applying Input to the state of the record
// before, with Time and Entropy, gives Job again, byte for byte.
type Record struct {
	// Type is the event's name, for example "step.succeeded".
	Type string `json:"type"`
	// Revision counts the records of the job from 1, without gaps.
	Revision uint64    `json:"revision"`
	Tx       string    `json:"tx"`
	Time     time.Time `json:"time"`
	// Entropy is the random number that the decision used.
	Entropy uint64 `json:"entropy,omitempty"`
	// Step and Attempt name what the event speaks of; empty for the job itself.
	Step    string    `json:"step,omitempty"`
	Attempt int       `json:"attempt,omitempty"`
	Input   Input     `json:"input"`
	Job     Job       `json:"job"`
	Due     []DueItem `json:"due,omitempty"`
}

// DueKind is what is due: work, undo or a timer.
type DueKind string

// Kinds of what is due.
const (
	DueWork  DueKind = "work"
	DueUndo  DueKind = "undo"
	DueTimer DueKind = "timer"
)

// DueItem is one thing that must happen next.
type DueItem struct {
	Kind    DueKind `json:"kind"`
	Step    string  `json:"step"`
	Attempt int     `json:"attempt"`
	// At is when a timer fires.
	At time.Time `json:"at,omitzero"`
	// Undo is true for the timer of a compensation.
	Undo bool `json:"undo,omitempty"`
}

// Input is what the machine was given. Exactly one field is set.
type Input struct {
	Submit  *Accepted       `json:"submit,omitempty"`
	Outcome *AttemptOutcome `json:"outcome,omitempty"`
	Timer   *TimerFired     `json:"timer,omitempty"`
	Control *Command        `json:"control,omitempty"`
}

// Accepted is a submission that passed every check.
type Accepted struct {
	Job         string            `json:"job"`
	Tenant      string            `json:"tenant"`
	Pipeline    PipelineRef       `json:"pipeline"`
	Key         string            `json:"key,omitempty"`
	Fingerprint string            `json:"fingerprint"`
	Files       []Source          `json:"files"`
	Params      json.RawMessage   `json:"params,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Traceparent string            `json:"traceparent,omitempty"`
}

// Task is a step to do, or to compensate.
type Task struct {
	Job      string      `json:"job"`
	Tenant   string      `json:"tenant"`
	Pipeline PipelineRef `json:"pipeline"`
	Step     string      `json:"step"`
	// Stage is the name and version of the stage: "compress@1".
	Stage   string `json:"stage"`
	Attempt int    `json:"attempt"`
	Undo    bool   `json:"undo,omitempty"`
	// Revision is the job's revision that made the task due.
	Revision uint64 `json:"revision"`
	// Config is the step's configuration with every expression replaced.
	Config json.RawMessage `json:"config,omitempty"`
	// Files are the inputs, in the order in which the pipeline names them.
	Files []File `json:"files,omitempty"`
	// Sources are the job's files, given to steps that need no other.
	Sources []Source `json:"sources,omitempty"`
	// TimeoutMS bounds the attempt, in milliseconds. Zero means the stage's own.
	TimeoutMS int64 `json:"timeout_ms,omitempty"`
	// Done is the result that an undo takes back.
	Done *Result `json:"done,omitempty"`
}

// Result is what a successful attempt hands on.
type Result struct {
	Files    []File            `json:"files,omitempty"`
	Findings map[string]string `json:"findings,omitempty"`
}

// AttemptOutcome is a stage's answer to a task.
type AttemptOutcome struct {
	Job     string  `json:"job"`
	Tenant  string  `json:"tenant"`
	Step    string  `json:"step"`
	Stage   string  `json:"stage"`
	Attempt int     `json:"attempt"`
	Undo    bool    `json:"undo,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Logic is the version of the stage's logic.
	Logic    string            `json:"logic,omitempty"`
	Files    []File            `json:"files,omitempty"`
	Findings map[string]string `json:"findings,omitempty"`
	Fault    *Fault            `json:"fault,omitempty"`
	// Worker names the process that did it, for people.
	Worker    string    `json:"worker,omitempty"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
}

// TimerFired says that a timer's time has come.
type TimerFired struct {
	Job     string `json:"job"`
	Tenant  string `json:"tenant"`
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	Undo    bool   `json:"undo,omitempty"`
}

// Verb is what a command asks of a job.
type Verb string

// Commands to a job.
const (
	// VerbCancel stops the job and undoes what it did.
	VerbCancel Verb = "cancel"
	// VerbRetry gives a job in attention another budget.
	VerbRetry Verb = "retry"
	// VerbAbandon gives a job in attention up: it is compensated, or fails.
	VerbAbandon Verb = "abandon"
)

// Command asks something of a live job.
type Command struct {
	Verb   Verb   `json:"verb"`
	Reason string `json:"reason,omitempty"`
	// By is who asks, for the audit.
	By string `json:"by,omitempty"`
}

// Progress is how far an attempt is. It may be lost and decides nothing.
type Progress struct {
	Job     string `json:"job"`
	Tenant  string `json:"tenant"`
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	// Done and Total count bytes, or the stage's own unit. Total is 0 while unknown.
	Done  int64     `json:"done"`
	Total int64     `json:"total,omitempty"`
	Unit  string    `json:"unit,omitempty"`
	Time  time.Time `json:"time"`
}

// DeadLetter is a message that no consumer could handle.
type DeadLetter struct {
	Consumer string              `json:"consumer"`
	Stream   string              `json:"stream"`
	Sequence uint64              `json:"sequence"`
	Subject  string              `json:"subject"`
	Code     string              `json:"code"`
	Reason   string              `json:"reason"`
	Hint     string              `json:"hint,omitempty"`
	Headers  map[string][]string `json:"headers,omitempty"`
	// Data is the payload, cut after 64 KiB; Size is what it was.
	Data []byte    `json:"data,omitempty"`
	Size int64     `json:"size"`
	Time time.Time `json:"time"`
}
