package api

import (
	"encoding/json"

	"github.com/millrace/millrace/events"
)

// RerunOptions say how a job that has ended is to be run again.
type RerunOptions struct {
	// FromStep is a step that runs again in any case, with all that depend on it.
	// Empty means that only what has changed runs again.
	FromStep string `json:"from_step,omitempty"`
	// PipelineVersion is "same", which empty means too, "newest", or the digest of
	// a version of the job's pipeline.
	PipelineVersion string `json:"pipeline_version,omitempty"`
	// Params take the place of those of the job that have the same name.
	Params json.RawMessage `json:"params,omitempty"`
	// Reuse is false when every step is to run again. Nil means true.
	Reuse *bool `json:"reuse,omitempty"`
}

// Submission is what is handed in for the rerun of a job. The key may be empty.
func (o *RerunOptions) Submission(job, key, reason, by string) events.Submission {
	return events.Submission{
		Key: key, Params: o.Params,
		Rerun: &events.RerunRequest{
			Job: job, FromStep: o.FromStep, PipelineVersion: o.PipelineVersion,
			NoReuse: o.Reuse != nil && !*o.Reuse, Reason: reason, By: by,
		},
	}
}

// RerunRequest is the body of POST /v1/jobs/{id}/rerun, which may be left out.
type RerunRequest struct {
	RerunOptions
	// Reason is kept in the new job; at most 1 KiB.
	Reason string `json:"reason,omitempty"`
	// Key is the idempotency key of the new job, like the header.
	Key string `json:"key,omitempty"`
	// DryRun answers with a [RerunPlan], and does nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// RerunPlan says what a rerun of a job would do about each step.
type RerunPlan struct {
	// Job is the job that would be run again, and Revision that of its state.
	Job      string `json:"job"`
	Revision uint64 `json:"revision"`
	// Pipeline is the version that the rerun would keep to.
	Pipeline events.PipelineRef `json:"pipeline"`
	// Steps are in the order of the pipeline.
	Steps []RerunStep `json:"steps"`
}

// RerunStep says what a rerun would do about a step.
type RerunStep struct {
	Step  string `json:"step"`
	Stage string `json:"stage"`
	// Decision is reuse, run, skip or fail; open when it is made once what the
	// step needs is there.
	Decision string `json:"decision"`
	// Reason is why it is reused or runs again, and Why says it in a sentence.
	Reason events.ReuseReason `json:"reason,omitempty"`
	Why    string             `json:"why"`
	// Job is the job that did the work, and with which its effects stay, when it
	// is reused.
	Job string `json:"job,omitempty"`
}
