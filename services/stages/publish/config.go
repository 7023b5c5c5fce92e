package publish

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Values of overwrite.
const (
	never  = "never"
	always = "always"
)

type config struct {
	Dir       string `json:"dir"`
	Overwrite string `json:"overwrite"`
}

// Check says what a schema cannot.
func (c *config) Check() error {
	if c.Overwrite != never && c.Overwrite != always {
		return fmt.Errorf("overwrite is %q, not never or always", fault.Clip(c.Overwrite, 64))
	}
	return nil
}

// checkDir refuses a folder that is not plainly below the publish folder.
func checkDir(dir string) error {
	bad := func(why string) error {
		return fault.New(fault.PublishBadPath, why+": "+fault.Clip(dir, 200), nil)
	}
	switch {
	case dir == ".":
		return nil
	case len(dir) > 2048:
		return bad("the folder is longer than 2048 bytes")
	case !filepath.IsLocal(dir):
		return bad("the folder is not a relative path below the publish folder")
	}
	for part := range strings.SplitSeq(dir, "/") {
		if artifact.CheckName(part) != nil || strings.HasPrefix(part, hidden) {
			return bad("a part of the folder is not a name")
		}
	}
	return nil
}

func spec() stage.Spec {
	return stage.Spec{
		Name: "publish", Version: 1, Logic: "1",
		Summary: "Puts files into a folder below the publish folder, each whole or not at all.",
		Guarantee: "A file appears under its name complete and synced to disk, or not, and all of them after " +
			"the last one was written. After a crash a file above 16 MiB is written on from the place that " +
			"was saved last, and what appeared is not put there again, also when somebody has taken it away " +
			"since. Files of an attempt that failed are taken back. " +
			"Undone, its files are gone and what they replaced is back, unless somebody changed them.",
		Inputs:  "The files to publish, each with a name of its own.",
		Outputs: "The same files.",
		Findings: map[string]string{
			"dir":   "Folder the files are in, an absolute path on the machine that published them.",
			"path":  "Path of the first file.",
			"files": "How many files were published.",
		},
		Faults: []string{
			string(fault.PublishExists), string(fault.PublishNameCollision), string(fault.PublishBadPath),
			string(fault.PublishDiskFull), string(fault.PublishIO), string(fault.PublishChanged),
			string(fault.PublishNoFolder), string(fault.StageBadConfig), string(fault.StageNoInput),
			string(fault.ArtifactNotFound), string(fault.ArtifactCorrupt), string(fault.ArtifactIO),
			string(fault.EffectUnknown), string(fault.CheckpointOvertaken), string(fault.CheckpointUnexpected),
		},
		Config: json.RawMessage(schema),
	}
}

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false,
"properties": {
  "dir": {"type": "string", "minLength": 1, "maxLength": 2048,
    "description": "Folder below the publish folder, with / between its parts; it is made when needed. Default: the job's id. A single dot is the publish folder itself."},
  "overwrite": {"type": "string", "enum": ["never", "always"], "default": "never",
    "description": "What happens to another file of the same name: never leaves it and fails, always replaces it."}
}}`
