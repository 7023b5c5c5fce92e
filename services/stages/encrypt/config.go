package encrypt

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"filippo.io/age"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/seal"
	"github.com/millrace/millrace/pkg/stage"
)

type config struct {
	Recipients []string `json:"recipients"`

	to []age.Recipient // what they are
}

// Check says what a schema cannot.
func (c *config) Check() error {
	if len(c.Recipients) == 0 {
		return errors.New("recipients are missing")
	}
	var err error
	c.to, err = seal.ParseRecipients(c.Recipients)
	return err
}

// nameOf returns the name of the encrypted file. The whole name is in its header.
func nameOf(name string) string {
	const room = 255 - len(seal.Extension)
	name = artifact.CleanName(name)
	for len(name) > room || !utf8.ValidString(name) {
		name = strings.ToValidUTF8(name[:min(len(name), room)], "")
	}
	return name + seal.Extension
}

func spec() stage.Spec {
	return stage.Spec{
		Name: "encrypt", Version: 1, Logic: "1",
		Summary: "Encrypts each file for the holders of age keys.",
		Guarantee: "An attempt that dies is continued within the file: at most one checkpoint interval is " +
			"encrypted again, to the same bytes. Repeated after a lost answer, it gives the same files. " +
			"Another job gives other bytes for the same file, which decrypt to the same. It has no effects.",
		Inputs:  "The files to encrypt, up to 256 TiB each.",
		Outputs: "One encrypted file for each, with .mrx appended to its name.",
		Findings: map[string]string{
			"bytes_in":   "Size of all inputs together.",
			"bytes_out":  "Size of all outputs together.",
			"recipients": "How many recipients can read the outputs.",
		},
		Faults: []string{
			string(fault.CryptBadRecipient), string(fault.CryptTooLarge), string(fault.StageBadConfig),
			string(fault.StageNoInput), string(fault.ArtifactNotFound), string(fault.ArtifactCorrupt),
			string(fault.ArtifactIO), string(fault.ArtifactDiskFull), string(fault.CheckpointOvertaken),
			string(fault.CheckpointUnexpected), string(fault.JobCancelled),
		},
		Config: json.RawMessage(schema),
	}
}

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false, "required": ["recipients"],
"properties": {
  "recipients": {"type": "array", "minItems": 1, "maxItems": 64, "uniqueItems": true,
    "items": {"type": "string", "pattern": "^age1(pq1)?[02-9ac-hj-np-z]+$", "maxLength": 2048},
    "description": "The age public keys of those who may read the files, as age-keygen prints them: all X25519 (age1...) or all post-quantum (age1pq1...)."}
}}`
