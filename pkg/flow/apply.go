package flow

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Apply decides what input in does to job j, which runs by plan p. The zero Job
// is the state before a submission.
//
// Apply is pure: the same arguments always give the same answer, and it changes
// none of them. What is stale or repeated (an attempt that the state does not
// expect, another job's timer, a second submission, a cancel while cancelling)
// gives Changed false and no error.
//
// Faults: job.unknown_outcome for an answer to a job or step that does not exist
// or with a verdict that is none; job.not_allowed for a command that the job's
// state does not take; job.not_found for a command to the zero Job; internal.bug
// for an input without exactly one field, for a plan that is not the job's (only
// a repeated submission may come with a newer one), and for a move that no
// machine has. The Job of the answer is then j.
func Apply(p *Plan, j events.Job, in events.Input, env Env) (Transition, error) {
	c, err := decide(p, withoutUndone(j, in.Undone), in, env)
	if err == nil && c != nil {
		err = c.err
	}
	if err != nil || c == nil {
		return Transition{Job: j}, err
	}
	return c.transition(), nil
}

// decide returns nil, nil for an input that changes nothing.
func decide(p *Plan, j events.Job, in events.Input, env Env) (*change, error) {
	switch {
	case !single(in):
		return nil, bug("input has not exactly one field")
	case in.Ruling != nil && in.Outcome == nil:
		return nil, bug("input has a ruling without an outcome")
	case in.Submit != nil:
		return submitted(p, j, in.Submit, env)
	case j.State != jobNew && j.Pipeline.Digest != p.Digest:
		return nil, bug("plan " + p.Digest + " is not that of job " + j.ID)
	case in.Outcome != nil:
		return answered(p, j, in.Outcome, in.Ruling, env)
	case in.Timer != nil:
		return fired(p, j, in.Timer, env), nil
	default:
		return commanded(p, j, in.Control, env)
	}
}

// single reports whether exactly one field of in is set. A ruling is not one: it
// stands beside an outcome.
func single(in events.Input) bool {
	n := 0
	for _, set := range [...]bool{
		in.Submit != nil, in.Outcome != nil, in.Timer != nil, in.Control != nil,
	} {
		if set {
			n++
		}
	}
	return n == 1
}

func bug(detail string) error { return fault.New(fault.InternalBug, detail, nil) }
