package flow

import (
	"maps"
	"slices"

	"github.com/millrace/millrace/events"
)

// Faults are those that a job has to do with now: its own, and those of steps and
// undos that are not done, by the ids of the steps.
func Faults(j events.Job) []*events.Fault {
	var list []*events.Fault
	add := func(f *events.Fault) {
		if f != nil {
			list = append(list, f)
		}
	}
	add(j.Fault)
	for _, id := range slices.Sorted(maps.Keys(j.Steps)) {
		s := j.Steps[id]
		if s.State == events.StepSucceeded && s.Undo == nil {
			continue
		}
		add(s.Fault)
		if s.Undo != nil {
			add(s.Undo.Fault)
		}
	}
	return list
}
