package operator

import (
	"maps"
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// trouble is the code of the fault that made a job fail, or call for attention. Of
// several steps that do it is that of the first by name.
func trouble(j events.Job) string {
	if j.Fault != nil {
		return j.Fault.Code
	}
	for _, id := range slices.Sorted(maps.Keys(j.Steps)) {
		if s := j.Steps[id]; s.State == events.StepAttention && s.Fault != nil {
			return s.Fault.Code
		} else if u := s.Undo; u != nil && u.State == events.UndoAttention && u.Fault != nil {
			return u.Fault.Code
		}
	}
	return ""
}

// outage reports whether a failed attempt says that something the job needs is down,
// overloaded or silent.
func outage(in events.Input) (f *events.Fault, bad bool) {
	if in.Outcome == nil || in.Outcome.Fault == nil {
		return nil, false
	}
	f = in.Outcome.Fault
	class := fault.Class(f.Class)
	if in.Ruling != nil && in.Ruling.Class != "" {
		class = fault.Class(in.Ruling.Class)
	}
	switch class {
	case fault.DependencyDown, fault.RateLimited, fault.Timeout:
		return f, true
	}
	return f, false
}
