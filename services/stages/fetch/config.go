package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// config is what a step may say.
type config struct {
	MaxBytes     stage.Bytes       `json:"max_bytes"`
	Stall        stage.Duration    `json:"stall"`
	MaxRedirects int               `json:"max_redirects"`
	Resumptions  int               `json:"resumptions"`
	Expect       map[string]string `json:"expect"`
}

// Check says what a schema cannot.
func (c *config) Check() error {
	if c.Stall <= 0 {
		return errors.New("stall is zero")
	}
	if c.MaxRedirects < 0 || c.MaxRedirects > 20 {
		return errors.New("max_redirects is not within 0 and 20")
	}
	if c.Resumptions < 0 || c.Resumptions > 100 {
		return errors.New("resumptions is not within 0 and 100")
	}
	for _, digest := range c.Expect {
		if err := artifact.CheckDigest(digest); err != nil {
			return fmt.Errorf("expect: %v", err)
		}
	}
	return nil
}

func spec() stage.Spec {
	faults := []fault.Code{
		fault.FetchNotFound, fault.FetchDenied, fault.FetchUnreachable, fault.FetchServerError,
		fault.FetchRateLimited, fault.FetchRejected, fault.FetchTruncated, fault.FetchChanged,
		fault.FetchStalled, fault.FetchPrivateAddress, fault.FetchNotAFile, fault.FetchUnreadable,
		fault.FetchTooLarge, fault.FetchTooManyRedirects, fault.FetchUntrusted, fault.FetchIO,
		fault.FetchMismatch, fault.SubmitPathNotAllowed, fault.SubmitBadSource, fault.BreakerOpen, fault.StageBadConfig,
		fault.StageNoInput, fault.ArtifactNotFound, fault.ArtifactDiskFull, fault.ArtifactIO, fault.JobCancelled,
		fault.CheckpointOvertaken, fault.CheckpointUnexpected,
	}
	s := stage.Spec{
		Name: "fetch", Version: 1, Logic: "1",
		Summary: "Brings the job's files into the store, from the web, from allowed folders or from uploads.",
		Guarantee: "After a crash it goes on at the byte where it was saved last, and does not fetch files again " +
			"that were complete, if the source can prove that it still has the same file: a server by a strong " +
			"ETag or the date of the last change, a local file by its times and identity. Otherwise that file is " +
			"fetched from its start; bytes of two versions never meet. Repeated, it gives the same files if the " +
			"sources are still the same; what counts is the attempt that is recorded first. A file that ends " +
			"early, or changes while it is read, is never handed on. It has no effects.",
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
    "description": "How many redirects are followed."},
  "resumptions": {"type": "integer", "minimum": 0, "maximum": 100, "default": 3,
    "description": "How often in a row the rest of a file is asked for after a transfer was cut or has stalled and got no further, before the attempt fails. Only for sources that can tell that they still have the same file."},
  "expect": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    "description": "Digests that files must have, by the name of the file. A file that has another fails the step."}
}}`
