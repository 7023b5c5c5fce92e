package stage

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Inputs returns Files, or the fault stage.no_input when there are none.
func (t *Task) Inputs() ([]events.File, error) {
	if len(t.Files) == 0 {
		return nil, fault.New(fault.StageNoInput, t.Step, nil)
	}
	return t.Files, nil
}

// Size returns the sum of the sizes of files, in bytes.
func Size(files []events.File) int64 {
	var n int64
	for _, f := range files {
		n += f.Size
	}
	return n
}
