package publishs3

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Values of overwrite.
const (
	never  = "never"
	always = "always"
)

// defaultEndpoint is the endpoint of a step that names none.
const defaultEndpoint = "default"

type config struct {
	Endpoint  string `json:"endpoint"`
	Bucket    string `json:"bucket"`
	Prefix    string `json:"prefix"`
	Overwrite string `json:"overwrite"`
}

var (
	bucketName   = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	endpointName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
)

// Check says what a schema cannot.
func (c *config) Check() error {
	switch {
	case c.Overwrite != never && c.Overwrite != always:
		return fmt.Errorf("overwrite is %q, not never or always", fault.Clip(c.Overwrite, 64))
	case !bucketName.MatchString(c.Bucket):
		return fmt.Errorf("bucket is %q, which is no name of a bucket", fault.Clip(c.Bucket, 64))
	case !endpointName.MatchString(c.Endpoint):
		return fmt.Errorf("endpoint is %q, which is no name", fault.Clip(c.Endpoint, 64))
	}
	return nil
}

func spec() stage.Spec {
	s := stage.Spec{
		Name: "publish-s3", Version: 1, Logic: "1",
		Summary: "Puts files into a bucket of an object store, each whole or not at all.",
		Guarantee: "An object appears under its key complete, or not. After a crash a large file is sent on " +
			"from the last 5 MiB part that was recorded, or a larger one above 48 GiB. What was put is not " +
			"put again, also when somebody has taken it away since. An attempt that fails for good takes " +
			"back what the step has put there and ends its uploads; one that is to be tried again leaves " +
			"them. Undone, its objects are gone and what they replaced is back, unless somebody changed them.",
		Inputs:  "The files to publish, each with a name of its own.",
		Outputs: "The same files.",
		Findings: map[string]string{
			"url":    "Where the first file is, as s3://bucket/key.",
			"prefix": "Where all of them are, as s3://bucket/prefix/.",
			"files":  "How many files were published.",
		},
		Config:  json.RawMessage(schema),
		Timeout: 30 * time.Minute,
		Slots:   4,

		WritesLittle: true,
	}
	for _, f := range []fault.Code{
		fault.S3NoEndpoint, fault.S3BadKey, fault.S3NoBucket, fault.S3Denied, fault.S3Untrusted,
		fault.S3Unreachable, fault.S3Unavailable, fault.S3RateLimited, fault.S3ServerError, fault.S3Timeout,
		fault.S3Rejected, fault.S3Conflict, fault.S3UploadGone, fault.S3Mismatch, fault.S3Full,
		fault.S3TooLarge, fault.PublishExists, fault.PublishNameCollision, fault.PublishChanged,
		fault.BreakerOpen, fault.EffectUnknown, fault.CheckpointOvertaken, fault.CheckpointUnexpected,
		fault.StageBadConfig, fault.StageNoInput, fault.ArtifactNotFound, fault.ArtifactCorrupt, fault.ArtifactIO,
	} {
		s.Faults = append(s.Faults, string(f))
	}
	return s
}

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false, "required": ["bucket"],
"properties": {
  "endpoint": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,62}$", "default": "default",
    "description": "The object store, by the name that the operator gave it."},
  "bucket": {"type": "string", "pattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    "description": "The bucket. It must exist."},
  "prefix": {"type": "string", "maxLength": 700,
    "description": "What keys start with, before a slash and the name of the file. Default: the job's id. Empty is the top of the bucket."},
  "overwrite": {"type": "string", "enum": ["never", "always"], "default": "never",
    "description": "What happens to another object of the same key: never leaves it and fails, always replaces it."}
}}`
