package api

import (
	"encoding/json"
	"time"
)

// PipelineEntry is a pipeline in a list.
type PipelineEntry struct {
	Name string `json:"name"`
	// Digest is the version that new jobs are given.
	Digest      string `json:"digest"`
	Description string `json:"description,omitempty"`
	// AppliedAt is when that version became the current one.
	AppliedAt time.Time `json:"applied_at"`
	// AppliedBy is who has done that. Empty means that nobody was asked.
	AppliedBy string `json:"applied_by,omitempty"`
}

// PipelineList is the answer of GET /v1/pipelines.
type PipelineList struct {
	Pipelines []PipelineEntry `json:"pipelines"`
}

// Pipeline is one version of a pipeline: the answer of GET /v1/pipelines/{name}.
type Pipeline struct {
	Name        string            `json:"name"`
	Digest      string            `json:"digest"`
	Description string            `json:"description,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	// ParamsSchema is the JSON Schema of the parameters, when there is one.
	ParamsSchema json.RawMessage `json:"params_schema,omitempty"`
	Steps        []PipelineStep  `json:"steps"`
	// Source is the file as it was applied.
	Source string `json:"source"`
}

// PipelineStep is a step of a pipeline.
type PipelineStep struct {
	ID string `json:"id"`
	// Stage is the name and version of the stage: "compress@1".
	Stage    string   `json:"stage"`
	Needs    []string `json:"needs,omitempty"`
	Critical bool     `json:"critical"`
	// Irreversible is true when what the step does cannot be taken back.
	Irreversible bool `json:"irreversible,omitempty"`
	// MaxAttempts is how many attempts may fail before the step does. A rule can say
	// otherwise.
	MaxAttempts int `json:"max_attempts,omitempty"`
}

// PipelineVersion is one version that a name has had.
type PipelineVersion struct {
	Digest string `json:"digest"`
	// AppliedAt is when it was applied under the name for the first time.
	AppliedAt time.Time `json:"applied_at"`
	// AppliedBy is who has done that. Empty means that nobody was asked.
	AppliedBy string `json:"applied_by,omitempty"`
}

// PipelineVersions is the answer of GET /v1/pipelines/{name}/versions, oldest first.
type PipelineVersions struct {
	Versions []PipelineVersion `json:"versions"`
}

// Applied is the answer of PUT /v1/pipelines/{name}.
type Applied struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	// Created is false when this already was the current version.
	Created bool `json:"created"`
	// Warnings are complaints that do not keep the pipeline from running.
	Warnings []Diagnostic `json:"warnings,omitempty"`
}

// Checked is the answer of POST /v1/pipelines:check.
type Checked struct {
	Valid bool `json:"valid"`
	// Name and Digest are empty when the file is not valid.
	Name        string       `json:"name,omitempty"`
	Digest      string       `json:"digest,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`
}

// Diagnostic is one complaint about a pipeline file.
type Diagnostic struct {
	File string `json:"file,omitempty"`
	// Line and Column count from 1.
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Rule   string `json:"rule"`
	// Severity is error or warning.
	Severity   string `json:"severity"`
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"`
}
