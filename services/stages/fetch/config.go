package fetch

import (
	"encoding/json"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// config is what a step may say.
type config struct {
	MaxBytes     stage.Bytes    `json:"max_bytes"`
	Stall        stage.Duration `json:"stall"`
	MaxRedirects int            `json:"max_redirects"`
}

func spec() stage.Spec {
	faults := []fault.Code{
		fault.FetchNotFound, fault.FetchDenied, fault.FetchUnreachable, fault.FetchServerError,
		fault.FetchRateLimited, fault.FetchRejected, fault.FetchTruncated, fault.FetchChanged,
		fault.FetchStalled, fault.FetchPrivateAddress, fault.FetchNotAFile, fault.FetchUnreadable,
		fault.FetchTooLarge, fault.FetchTooManyRedirects, fault.FetchUntrusted, fault.FetchIO,
		fault.SubmitPathNotAllowed, fault.SubmitBadSource, fault.BreakerOpen, fault.StageBadConfig,
		fault.StageNoInput, fault.ArtifactNotFound, fault.ArtifactDiskFull, fault.ArtifactIO,
	}
	s := stage.Spec{
		Name: "fetch", Version: 1, Logic: "1",
		Summary: "Brings the job's files into the store, from the web, from allowed folders or from uploads.",
		Guarantee: "A repeated attempt reads the sources again. If they have not changed it gives the same " +
			"files. A file that changes while it is read is never handed on. It has no effects but on the load " +
			"of the source.",
		Inputs:  "The job's files as they were submitted. Without any, the files of the steps it needs.",
		Outputs: "One file for each source, in the same order, under names that are all different.",
		Findings: map[string]string{
			"files": "How many files were fetched.",
			"bytes": "How many bytes they have together.",
		},
		Config:  json.RawMessage(schema),
		Timeout: 30 * time.Minute,
		Slots:   8,
	}
	for _, f := range faults {
		s.Faults = append(s.Faults, string(f))
	}
	return s
}

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false,
"properties": {
  "max_bytes": {` + stage.BytesSchema + `, "default": 0,
    "description": "The most that one source may have. 0 means no limit of the step's own."},
  "stall": {` + stage.DurationSchema + `, "default": "30s",
    "description": "How long a source may send nothing before it is given up."},
  "max_redirects": {"type": "integer", "minimum": 0, "maximum": 20, "default": 5,
    "description": "How many redirects are followed."}
}}`
