package conductor

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/schemas"
)

// handleOutcome applies a stage's answer.
func (c *Conductor) handleOutcome(ctx context.Context, m *bus.Message) error {
	tokens, ok := events.Tokens(m.Subject, "outcome", 4)
	if !ok {
		return bus.Reject(fault.BusUndecodable, errors.New("subject is not an outcome's"))
	}
	o, list := schemas.DecodeOutcome(m.Data)
	if len(list) > 0 {
		return undecodable(list)
	}
	if o.Tenant != tokens[1] || o.Job != tokens[2] || o.Step != tokens[3] {
		return bus.Reject(fault.JobUnknownOutcome, errors.New("payload and subject name different steps"))
	}
	return c.input(ctx, m, jobKey{o.Tenant, o.Job}, events.Input{Outcome: &o})
}

// handleTimer applies a timer whose time has come.
func (c *Conductor) handleTimer(ctx context.Context, m *bus.Message) error {
	tokens, ok := events.Tokens(m.Subject, "due", 2)
	if !ok {
		return bus.Reject(fault.BusUndecodable, errors.New("subject is not a timer's"))
	}
	var t events.TimerFired
	if err := json.Unmarshal(m.Data, &t); err != nil {
		return bus.Reject(fault.BusUndecodable, err)
	}
	if t.Tenant != tokens[0] || t.Job != tokens[1] {
		return bus.Reject(fault.JobUnknownOutcome, errors.New("payload and subject name different jobs"))
	}
	return c.input(ctx, m, jobKey{t.Tenant, t.Job}, events.Input{Timer: &t})
}

// handleCommand applies what a person asks of a job.
func (c *Conductor) handleCommand(ctx context.Context, m *bus.Message) error {
	tokens, ok := events.Tokens(m.Subject, "control", 2)
	if !ok {
		return bus.Reject(fault.BusUndecodable, errors.New("subject is not a command's"))
	}
	cmd, list := schemas.DecodeCommand(m.Data)
	if len(list) > 0 {
		return undecodable(list)
	}
	cmd.ID = events.CommandMark(m.ID)
	err := c.input(ctx, m, jobKey{tokens[0], tokens[1]}, events.Input{Control: &cmd})
	if refused(err) {
		c.Log.Info("command refused", "job", tokens[1], "verb", cmd.Verb, "error", err)
		return nil
	}
	return err
}

// refused reports whether a job does not take a command as it is, so that it is of
// no use to try it again.
func refused(err error) bool {
	if err == nil {
		return false
	}
	switch fault.From(err).Code {
	case fault.JobNotAllowed, fault.RollbackStalePlan, fault.RollbackNoReason,
		fault.RollbackIrreversible, fault.RollbackNothing, fault.DecisionNotFound, fault.DecisionMade:
		return true
	}
	return false
}

// input applies an input that speaks of an existing job.
func (c *Conductor) input(ctx context.Context, m *bus.Message, k jobKey, in events.Input) error {
	e := c.jobs.lock(k)
	mv, err := c.apply(ctx, e, nil, in, m.Delivered > 1)
	if fault.Has(err, fault.JobTooLarge) && in.Outcome != nil {
		mv, err = c.apply(ctx, e, nil, events.Input{Outcome: tooLarge(in.Outcome, err)}, m.Delivered > 1)
	}
	c.jobs.unlock(e, err == nil && e.known && !flow.Final(e.job.State))
	if err == nil {
		if !mv.changed {
			c.Log.Debug("input changes nothing", "job", k.job, "subject", m.Subject)
		}
		return nil
	}
	switch fault.From(err).Code {
	case fault.JobNotAllowed:
		return err
	case fault.JobUnknownOutcome, fault.JobTooLarge, fault.InternalBug:
		return bus.Reject(fault.From(err).Code, err)
	}
	return err
}

// tooLarge is the answer that takes the place of one that no record can hold.
func tooLarge(o *events.AttemptOutcome, cause error) *events.AttemptOutcome {
	small := *o
	small.Verdict, small.Files, small.Findings = events.VerdictFailed, nil, nil
	small.Fault = flow.Recorded(cause)
	return &small
}

// undecodable refuses a payload that does not match its schema.
func undecodable(list []events.ProblemError) error {
	return bus.Reject(fault.BusUndecodable, complain(list))
}
