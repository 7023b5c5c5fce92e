package compress

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// suffix is appended to the names of files.
const suffix = ".zst"

// mediaType is that of the outputs.
const mediaType = "application/zstd"

type config struct {
	Level string `json:"level"`
}

// speeds are the names of the levels.
var speeds = map[string]zstd.EncoderLevel{
	"fastest": zstd.SpeedFastest,
	"default": zstd.SpeedDefault,
	"better":  zstd.SpeedBetterCompression,
	"best":    zstd.SpeedBestCompression,
}

// Check says what a schema cannot.
func (c *config) Check() error {
	if _, ok := speeds[c.Level]; !ok {
		return fault.New(fault.CompressBadLevel, fault.Clip(c.Level, 64), nil)
	}
	return nil
}

// nameOf returns the name of the compressed file.
func nameOf(name string) string {
	const room = 255 - len(suffix)
	for len(name) > room || !utf8.ValidString(name) {
		name = strings.ToValidUTF8(name[:min(len(name), room)], "")
	}
	return name + suffix
}

func spec() stage.Spec {
	return stage.Spec{
		Name: "compress", Version: 1,
		// The number after the slash counts the changes of the encoder's output.
		Logic:   "1/2",
		Summary: "Compresses each file with zstd.",
		Guarantee: "Repeated, it gives the same bytes. It goes on after the last frame of 2 MiB that a checkpoint covers, " +
			"and what comes out is the same as without a crash. It has no effects.",
		Inputs:  "The files to compress.",
		Outputs: "One zstd file for each, with .zst appended to its name.",
		Findings: map[string]string{
			"bytes_in":  "Size of all inputs together.",
			"bytes_out": "Size of all outputs together.",
			"ratio":     "The first divided by the second, with two decimals.",
		},
		Faults: []string{
			string(fault.CompressBadLevel), string(fault.StageBadConfig), string(fault.StageNoInput),
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
  "level": {"type": "string", "enum": ["fastest", "default", "better", "best"], "default": "default",
    "description": "How hard to try. fastest and default are limited by the disk more often than not; better takes about four times as long, best about forty times."}
}}`
