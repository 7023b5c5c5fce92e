package pipeline

import (
	_ "embed"
	"slices"
)

//go:embed pipeline.v1.json
var editorSchema []byte

// EditorSchema returns the JSON Schema of pipeline files, for editors: it knows
// the form of a file, [Check] knows the rest.
func EditorSchema() []byte { return slices.Clone(editorSchema) }
