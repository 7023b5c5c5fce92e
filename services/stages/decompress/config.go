package decompress

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

type config struct {
	MaxBytes stage.Bytes `json:"max_bytes"`
	MaxRatio int64       `json:"max_ratio"`
}

// Check says what a schema cannot.
func (c *config) Check() error {
	if c.MaxBytes < 1 {
		return fmt.Errorf("max_bytes is zero")
	}
	if c.MaxRatio < 0 {
		return fmt.Errorf("max_ratio is negative")
	}
	return nil
}

// nameOf returns the name of the unpacked file: without the ending that says
// it is compressed, if it has one.
func nameOf(name string) string {
	for ending, instead := range map[string]string{".zst": "", ".zstd": "", ".tzst": ".tar"} {
		if stem, ok := strings.CutSuffix(name, ending); ok && strings.Trim(stem, ".") != "" {
			return stem + instead
		}
	}
	return name
}

func spec() stage.Spec {
	return stage.Spec{
		Name: "decompress", Version: 1, Logic: "1",
		Summary: "Unpacks each file with zstd, up to a limit.",
		Guarantee: "Repeated, it gives the same bytes. It goes on after the last zstd frame that a checkpoint covers: files from " +
			"compress@1 have one every 2 MiB, while a file that is a single frame, as most programs make it, starts over. It has no effects.",
		Inputs:  "Files compressed with zstd.",
		Outputs: "One file for each, without .zst in its name and without a media type.",
		Findings: map[string]string{
			"bytes_in":  "Size of all inputs together.",
			"bytes_out": "Size of all outputs together.",
		},
		Faults: []string{
			string(fault.DecompressCorrupt), string(fault.DecompressTooLarge),
			string(fault.StageBadConfig), string(fault.StageNoInput),
			string(fault.ArtifactNotFound), string(fault.ArtifactCorrupt), string(fault.ArtifactIO),
			string(fault.ArtifactDiskFull),
		},
		Config: json.RawMessage(schema),
	}
}

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false,
"properties": {
  "max_bytes": {` + stage.BytesSchema + `, "default": "16GiB",
    "description": "How large a file may become, such as 2GiB. A file that demands more than 32 MiB of memory is refused too."},
  "max_ratio": {"type": "integer", "minimum": 0, "default": 1000,
    "description": "How many times as large as before a file may become, once it is larger than 16 MiB; 0 means any."}
}}`
