package flow

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Apply decides what in does to job j of plan p. It changes neither j nor in.
func Apply(p *Plan, j events.Job, in events.Input, env Env) (Transition, error) {
	return Transition{Job: j}, fault.New(fault.InternalBug, "apply input", nil)
}

// Outstanding returns everything that is due in state j.
func Outstanding(p *Plan, j events.Job) []events.DueItem { return nil }

// Task returns the work or undo message of d.
func Task(p *Plan, j events.Job, d events.DueItem, revision uint64) (events.Task, error) {
	return events.Task{}, fault.New(fault.InternalBug, "make task", nil)
}

// Final reports whether no event can leave s.
func Final(s events.JobState) bool { return false }

// Outcome returns what a final job left behind, and nil for a live one.
func Outcome(j events.Job) *events.JobOutcome { return nil }

// Replay rebuilds a job from its records.
func Replay(p *Plan, records []events.Record) (events.Job, error) { return events.Job{}, nil }
