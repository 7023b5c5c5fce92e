package cli

import (
	"errors"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Exit codes. One table serves every command; it is printed in every help text.
const (
	ExitDone        = 0
	ExitBug         = 1
	ExitUsage       = 2
	ExitPartial     = 3
	ExitRefused     = 4
	ExitConflict    = 5
	ExitNotAllowed  = 6
	ExitPerson      = 7
	ExitUnavailable = 69
	ExitTryLater    = 75
	ExitInterrupted = 130
)

// ExitMeaning is one row of the table of exit codes.
type ExitMeaning struct {
	Code    int    `json:"code"`
	Meaning string `json:"meaning"`
}

// ExitTable returns what each exit code means, in ascending order.
func ExitTable() []ExitMeaning {
	return []ExitMeaning{
		{ExitDone, "done"},
		{ExitBug, "a bug, or an error nobody has classified"},
		{ExitUsage, "the command line is not usable"},
		{ExitPartial, "the job completed with parts missing"},
		{ExitRefused, "refused, failed, rolled back or cancelled: the data or the request"},
		{ExitConflict, "conflict: the key, the state or the folder is taken"},
		{ExitNotAllowed, "not allowed"},
		{ExitPerson, "a person is needed"},
		{ExitUnavailable, "the server or the broker does not answer"},
		{ExitTryLater, "try later"},
		{ExitInterrupted, "interrupted by a signal"},
	}
}

// jobEnded is the error of a command that waited for a job and saw it stop in a
// state other than completed. The command has already told what there is to tell.
type jobEnded struct{ state events.JobState }

// Error returns the state.
func (e *jobEnded) Error() string { return "the job is " + string(e.state) }

// ExitOf returns the exit code of an error: by the state of a job that was
// waited for, by the few codes that are about the command line itself, and
// otherwise by the class of the fault. Nil is 0.
func ExitOf(err error) int {
	if err == nil {
		return ExitDone
	}
	var ended *jobEnded
	if errors.As(err, &ended) {
		return exitOfState(ended.state)
	}
	f := fault.From(err)
	switch f.Code {
	case fault.CliUsage, fault.MillBadConfig:
		return ExitUsage
	case fault.CliInterrupted:
		return ExitInterrupted
	case fault.CliCheckFailed:
		return ExitPerson
	}
	return exitOfClass(f.Class())
}

func exitOfState(s events.JobState) int {
	switch s {
	case events.JobCompleted:
		return ExitDone
	case events.JobPartial:
		return ExitPartial
	case events.JobFailed, events.JobCancelled, events.JobRolledBack:
		return ExitRefused
	case events.JobAttention, events.JobPaused:
		return ExitPerson
	}
	return ExitTryLater
}

func exitOfClass(c fault.Class) int {
	switch c {
	case fault.DataQuality, fault.SchemaMismatch, fault.Poison, fault.Cancelled:
		return ExitRefused
	case fault.Conflict:
		return ExitConflict
	case fault.Policy, fault.Auth:
		return ExitNotAllowed
	case fault.UnknownEffect:
		return ExitPerson
	case fault.DependencyDown:
		return ExitUnavailable
	case fault.Transient, fault.RateLimited, fault.Timeout, fault.Resource:
		return ExitTryLater
	}
	return ExitBug
}
