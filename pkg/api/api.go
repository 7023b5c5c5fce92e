// Package api holds the shapes of the HTTP API: what the gateway answers, what the
// client reads, and what the projector fills in. It has no logic beyond turning
// queries into text and back.
package api

import (
	"encoding/json"
	"time"

	"github.com/millrace/millrace/events"
)

// Headers of the HTTP API that are not standard.
const (
	HeaderTenant         = "Millrace-Tenant"
	HeaderIdempotencyKey = "Idempotency-Key"
	// HeaderReplayed is "true" on the answer to a submission whose key had made
	// the job before.
	HeaderReplayed = "Idempotency-Replayed"
	// HeaderFromJob names a job whose files a submission may name by digest, though
	// its tenant has not put them itself.
	HeaderFromJob = "Millrace-From-Job"
	// HeaderRequestID names one request in the answer and in the log.
	HeaderRequestID = "X-Request-Id"
)

// Content types of the HTTP API.
const (
	ContentTypeYAML   = "application/yaml"
	ContentTypeStream = "text/event-stream"
	ContentTypeBytes  = "application/octet-stream"
)

// Names of the server-sent events that are not records. All others are the type of
// the record they carry.
const (
	EventProgress = "progress"
	EventEnd      = "end"
	// EventPlace says where a stream of notifications begins.
	EventPlace = "place"
)

// Submission is the body of POST /v1/jobs.
type Submission struct {
	// Pipeline is the name of the pipeline to run.
	Pipeline string `json:"pipeline"`
	events.Submission
}

// Job is a job at one revision: the answer of GET /v1/jobs/{id}. The revision is
// also the ETag.
type Job struct {
	Revision uint64     `json:"revision"`
	Job      events.Job `json:"job"`
	// Allowed are the commands that the job takes as it is. It is also absent when
	// the job's pipeline cannot be read.
	Allowed []events.Choice `json:"allowed,omitempty"`
}

// End is the data of the last server-sent event of a job.
type End struct {
	State    events.JobState `json:"state"`
	Revision uint64          `json:"revision"`
}

// JobItem is a job in a list.
type JobItem struct {
	ID       string             `json:"id"`
	Revision uint64             `json:"revision"`
	State    events.JobState    `json:"state"`
	Pipeline events.PipelineRef `json:"pipeline"`
	Key      string             `json:"key,omitempty"`
	Labels   map[string]string  `json:"labels,omitempty"`
	// Rerun is the job that it runs again. Empty unless it is a rerun.
	Rerun string `json:"rerun,omitempty"`
	// Name is the first file's, and Files is how many there are.
	Name  string `json:"name,omitempty"`
	Files int    `json:"files"`
	// StepsDone counts the steps in a final state, of Steps.
	StepsDone  int           `json:"steps_done"`
	Steps      int           `json:"steps"`
	Fault      *events.Fault `json:"fault,omitempty"`
	AcceptedAt time.Time     `json:"accepted_at"`
	FinishedAt time.Time     `json:"finished_at,omitzero"`
	// UpdatedAt is when the job moved last.
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// JobPage is the answer of GET /v1/jobs.
type JobPage struct {
	Jobs []JobItem `json:"jobs"`
	// NextCursor asks for the jobs after these. Empty means that there are none.
	NextCursor string `json:"next_cursor,omitempty"`
	// View says how old the list may be.
	View *Freshness `json:"view,omitempty"`
}

// Version is the answer of GET /version.
type Version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
}

// Health is the answer of GET /livez and GET /readyz.
type Health struct {
	Status string `json:"status"`
	// Checks says for each check "ok" or what is wrong.
	Checks map[string]string `json:"checks,omitempty"`
}

// Index is the answer of GET /v1.
type Index struct {
	Routes []Route `json:"routes"`
}

// Route is one route of the HTTP API.
type Route struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Summary string `json:"summary"`
	// Scope is what a principal needs while identity is on: the name of a scope, or
	// several of which one is enough; "known" for anybody who has proved who they
	// are, "open" for everybody. Empty means that the route is closed.
	Scope string `json:"scope"`
	// Mill is true for routes about the whole mill: they take no principal of one
	// tenant.
	Mill bool `json:"mill,omitempty"`
}

// Stage is what there is to know about a stage without running it.
type Stage struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	// Logic changes whenever the same input may give other output.
	Logic     string            `json:"logic,omitempty"`
	Summary   string            `json:"summary"`
	Guarantee string            `json:"guarantee,omitempty"`
	Inputs    string            `json:"inputs,omitempty"`
	Outputs   string            `json:"outputs,omitempty"`
	Findings  map[string]string `json:"findings,omitempty"`
	Faults    []string          `json:"faults,omitempty"`
	// Needs names the dependencies that every task calls. Others may be called as well.
	Needs []string `json:"needs,omitempty"`
	// Config is the JSON Schema of a step's configuration.
	Config json.RawMessage `json:"config,omitempty"`
	// TimeoutMS is the default for one attempt, in milliseconds. Zero means 5 minutes.
	TimeoutMS int64 `json:"timeout_ms,omitempty"`
	// WritesLittle says that the stage goes on while a disk has little room, when the
	// stages that write content rest.
	WritesLittle bool `json:"writes_little,omitempty"`
}

// StageList is the answer of GET /v1/stages.
type StageList struct {
	Stages []Stage `json:"stages"`
}
