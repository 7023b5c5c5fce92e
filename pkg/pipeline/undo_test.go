package pipeline

import (
	"encoding/json"
	"testing"
)

// TestUndoOnlyWhereDeclared wants a step of a stage with an undo key to have an undo
// when it says how, and when nothing says that it cannot be taken back.
func TestUndoOnlyWhereDeclared(t *testing.T) {
	t.Parallel()
	stages := []Stage{{Name: "run", Version: 1, Compensable: true, UndoKey: "undo", Config: json.RawMessage(
		`{"type":"object","additionalProperties":false,"properties":{"undo":{"type":["string","null"]}}}`)}}
	for with, want := range map[string]bool{
		"with: {undo: back}":                       true,
		"with: {undo: '${{ job.id }}'}":            true,
		"with: {undo: null}":                       false,
		"with: {}":                                 false,
		"critical: true":                           false,
		"{with: {undo: back}, irreversible: true}": false,
	} {
		src := "apiVersion: millrace.dev/v1\nkind: Pipeline\nmetadata:\n  name: p\nspec:\n  steps:\n    - id: a\n      uses: run@1\n"
		if with[0] == '{' {
			src += "      with: {undo: back}\n      irreversible: true\n"
		} else {
			src += "      " + with + "\n"
		}
		d, err := Compile([]byte(src), stages)
		if err != nil {
			t.Errorf("%s: %v", with, err)
			continue
		}
		if got := d.Plan.Steps[0].Compensable; got != want {
			t.Errorf("%s: compensable %v, want %v", with, got, want)
		}
	}
}
