package flow

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// maxDependency is how long the name of a dependency may be in a record, in bytes.
const maxDependency = 255

// Recorded is an error as records keep it: with its code, its class, what the
// registry advises, the dependency that is to blame, and a message without control
// characters of at most 1 KiB. It returns nil for nil.
func Recorded(err error) *events.Fault {
	f := fault.From(err)
	if f == nil {
		return nil
	}
	return &events.Fault{
		Code:         string(f.Code),
		Class:        string(f.Class()),
		Message:      f.Message(),
		Hint:         f.Code.Info().Hint,
		RetryAfterMS: f.RetryAfter.Milliseconds(),
		Dependency:   fault.Clip(fault.DependencyOf(err), maxDependency),
	}
}
