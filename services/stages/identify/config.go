package identify

import (
	"encoding/json"
	"fmt"
	"path"

	"github.com/gabriel-vasile/mimetype"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Values of mismatch.
const (
	mismatchNote = "note"
	mismatchFail = "fail"
)

type config struct {
	Mismatch string   `json:"mismatch"`
	Accept   []string `json:"accept"`
}

// Check says what a schema cannot.
func (c *config) Check() error {
	if c.Mismatch != mismatchNote && c.Mismatch != mismatchFail {
		return fmt.Errorf("mismatch is %q, not note or fail", fault.Clip(c.Mismatch, 64))
	}
	for _, pattern := range c.Accept {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("accept: %q is not a pattern", fault.Clip(pattern, 64))
		}
	}
	return nil
}

// accepts reports whether the step takes files of a type, which also goes by
// the other names of found.
func (c *config) accepts(kind string, found *mimetype.MIME) bool {
	for _, pattern := range c.Accept {
		if ok, err := path.Match(pattern, kind); ok && err == nil {
			return true
		}
		if found != nil && found.Is(pattern) {
			return true
		}
	}
	return len(c.Accept) == 0
}

func spec() stage.Spec {
	return stage.Spec{
		Name: "identify", Version: 1, Logic: "1",
		Summary:   "Finds out by its content what each file is, and compares that with what is claimed.",
		Guarantee: "Repeated, it finds the same. It has no effects.",
		Inputs:    "The files to identify; only the first 4 KiB of each are looked at.",
		Outputs:   "The same files, with their media type set to what was found.",
		Findings: map[string]string{
			"media_type":  "Media type of the first file, for example application/pdf.",
			"media_types": "The different media types of all files, sorted, with commas between them.",
			"mismatches":  "How many files are not what their declared type or their name says.",
			"mismatch":    "The first of them, in words. Absent when there is none.",
		},
		Faults: []string{
			string(fault.IdentifyMismatch), string(fault.IdentifyNotAccepted),
			string(fault.StageBadConfig), string(fault.StageNoInput),
			string(fault.ArtifactNotFound), string(fault.ArtifactCorrupt), string(fault.ArtifactIO),
		},
		Config:       json.RawMessage(schema),
		WritesLittle: true,
	}
}

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false,
"properties": {
  "mismatch": {"type": "string", "enum": ["note", "fail"], "default": "note",
    "description": "What happens when the content is not what the declared type or the name says: note reports it as a finding, fail fails the step."},
  "accept": {"type": "array", "maxItems": 200, "items": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "Media types that are welcome, for example [image/*, application/pdf]. Empty means all."}
}}`
