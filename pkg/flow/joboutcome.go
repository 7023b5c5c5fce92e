package flow

import "github.com/millrace/millrace/events"

// Outcome returns what a final job left behind, and nil for a live one. The
// outcome shares memory with j.
func Outcome(j events.Job) *events.JobOutcome {
	if !Final(j.State) {
		return nil
	}
	return &events.JobOutcome{
		State:      j.State,
		FinishedAt: j.FinishedAt,
		Outputs:    j.Outputs,
		Missing:    j.Missing,
		Fault:      j.Fault,
	}
}
