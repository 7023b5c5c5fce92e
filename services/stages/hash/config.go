package hash

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	stdhash "hash"
	"hash/crc32"
	"slices"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// sha256Name is the algorithm whose result names every artifact.
const sha256Name = "sha256"

// algorithms makes the hashes that are computed here. MD5 and SHA-1 are for
// comparing with lists that others have made, not for security.
var algorithms = map[string]func() stdhash.Hash{
	"sha512": sha512.New,
	"sha1":   sha1.New,
	"md5":    md5.New,
	"crc32c": func() stdhash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
}

type config struct {
	Algorithms []string `json:"algorithms"`
	Sums       bool     `json:"sums"`
}

// Check says what a schema cannot.
func (c *config) Check() error {
	if len(c.Algorithms) == 0 {
		return fmt.Errorf("algorithms is empty")
	}
	for i, name := range c.Algorithms {
		if name != sha256Name && algorithms[name] == nil {
			return fmt.Errorf("there is no algorithm %q", fault.Clip(name, 64))
		}
		if slices.Contains(c.Algorithms[:i], name) {
			return fmt.Errorf("%s is named twice", name)
		}
	}
	return nil
}

func spec() stage.Spec {
	s := stage.Spec{
		Name: "hash", Version: 1, Logic: "1",
		Summary: "Reads and verifies every byte of the files and reports their checksums.",
		Guarantee: "After a crash it goes on at the byte that was saved last, and each byte is still read and checked " +
			"by one attempt or another. Repeated, it finds the same. It has no effects.",
		Inputs:  "The files to verify.",
		Outputs: "The same files; with sums also one list per algorithm, such as SHA256SUMS.",
		Findings: map[string]string{
			"files": "How many files were read.",
			"bytes": "How many bytes they have together.",
		},
		Faults: []string{
			string(fault.StageBadConfig), string(fault.StageNoInput), string(fault.ArtifactNotFound),
			string(fault.ArtifactCorrupt), string(fault.ArtifactIO), string(fault.ArtifactDiskFull),
			string(fault.JobCancelled), string(fault.CheckpointOvertaken), string(fault.CheckpointUnexpected),
		},
		Config:       json.RawMessage(schema),
		WritesLittle: true, // the lists of sums
	}
	for _, name := range []string{sha256Name, "sha512", "sha1", "md5", "crc32c"} {
		s.Findings[name] = "Checksum of the only file, in hex, when " + name + " was asked for."
		s.Findings[name+".<n>"] = "The same of each of several files, as long as there are at most 60 sums in all."
	}
	return s
}

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false,
"properties": {
  "algorithms": {"type": "array", "minItems": 1, "uniqueItems": true, "default": ["sha256"],
    "items": {"type": "string", "enum": ["sha256", "sha512", "sha1", "md5", "crc32c"]},
    "description": "Checksums to report. md5, sha1 and crc32c are for comparing with the lists of others, not for security."},
  "sums": {"type": "boolean", "default": false,
    "description": "Hand on a list of the checksums of all files too, one for each algorithm, named like SHA256SUMS and readable by sha256sum --check."}
}}`
