package flow

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// policy is the answer to a fault of one class.
type policy struct {
	// again: the attempt is tried again while the budget lasts.
	again bool
	// free: the failed attempt does not count against the budget.
	free bool
	// then is what happens when it is not tried again.
	then StepEvent
}

// policies answers for every class.
var policies = map[fault.Class]policy{
	fault.Transient: {again: true, then: StepGaveUp},
	fault.Timeout:   {again: true, then: StepGaveUp},
	fault.Resource:  {again: true, then: StepGaveUp},
	fault.Conflict:  {again: true, then: StepGaveUp},
	// A job that is not being cancelled has no reason to stop an attempt, so
	// another is made; it burns budget, or a stage that always says so would
	// never end.
	fault.Cancelled: {again: true, then: StepGaveUp},

	fault.RateLimited:    {again: true, free: true},
	fault.DependencyDown: {again: true, free: true},

	fault.Unclassified: {again: true, then: StepStuck},

	fault.Auth:          {then: StepStuck},
	fault.UnknownEffect: {then: StepStuck},
	fault.Bug:           {then: StepStuck},

	fault.DataQuality:    {then: StepGaveUp},
	fault.SchemaMismatch: {then: StepGaveUp},
	fault.Policy:         {then: StepGaveUp},
	fault.Poison:         {then: StepGaveUp},
}

// respond returns what a step does about fault f after spent earlier failures
// that counted, and whether this one counts.
func respond(r Retry, spent int, f *events.Fault) (on StepEvent, burns bool) {
	p := policies[fault.Class(f.Class)]
	switch {
	case free(f):
		return StepDeferred, false
	case !p.again:
		return p.then, false
	case spent+1 < r.withDefaults().MaxAttempts:
		return StepDeferred, true
	}
	return p.then, true
}

// free reports whether f does not count against a budget. A worker that is
// stopping is no fault of the step.
func free(f *events.Fault) bool {
	return policies[fault.Class(f.Class)].free || fault.Code(f.Code) == fault.StageDraining
}

// respondEnding replaces the answer on for a job that is being cancelled or has
// failed: nothing is tried again, and no person is asked.
func respondEnding(on StepEvent, f *events.Fault) StepEvent {
	switch {
	case on == StepDeferred || fault.Class(f.Class) == fault.Cancelled:
		return StepStopped
	case on == StepStuck:
		return StepGaveUp
	}
	return on
}
