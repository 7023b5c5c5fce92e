package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// RollbackPlan says what a rollback of a job that has ended would do.
type RollbackPlan struct {
	Job string `json:"job"`
	// Steps are what the job did outside, in the order in which it is taken back.
	Steps []RollbackStep `json:"steps"`
	// Digest stands for all of it. A rollback names it, so that what is carried
	// out is what somebody has looked at.
	Digest string `json:"digest"`
}

// RollbackStep is one step of a rollback.
type RollbackStep struct {
	Step  string `json:"step"`
	Stage string `json:"stage"`
	// Reversible is false for what stays.
	Reversible bool `json:"reversible"`
	// Attempt, Files and Findings are those of the result that is taken back.
	Attempt  int               `json:"attempt"`
	Files    []events.File     `json:"files,omitempty"`
	Findings map[string]string `json:"findings,omitempty"`
}

// Rollback returns the plan of a rollback. Faults: job.not_allowed unless the job
// is completed or partial, rollback.nothing when it did nothing outside.
func Rollback(p *Plan, j events.Job) (RollbackPlan, error) {
	plan := RollbackPlan{Job: j.ID}
	if _, allowed := jobMoves[j.State][JobRollbackAsked]; !allowed {
		return plan, notAllowed(j, &events.Command{Verb: events.VerbRollback}, "only what is completed or partial is rolled back")
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		st := j.Steps[s.ID]
		if st.State == events.StepSucceeded && s.Irreversible && !reused(st) || effective(s, st) {
			plan.Steps = append(plan.Steps, RollbackStep{
				Step: s.ID, Stage: s.Stage, Reversible: !s.Irreversible, Attempt: st.Attempt, Files: st.Files, Findings: st.Findings,
			})
		}
	}
	if len(plan.Steps) == 0 {
		return plan, fault.New(fault.RollbackNothing, "job "+j.ID, nil)
	}
	slices.SortStableFunc(plan.Steps, func(a, b RollbackStep) int { return j.Steps[b.Step].Order - j.Steps[a.Step].Order })
	data, err := json.Marshal(plan)
	if err != nil {
		return plan, bug("encode the plan of a rollback")
	}
	sum := sha256.Sum256(data)
	plan.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return plan, nil
}

// rolledBack takes back what a job did that has ended.
func rolledBack(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	if j.Goal == events.JobRolledBack && j.State == events.JobCompensating {
		return nil, nil
	}
	plan, err := Rollback(p, j)
	if err != nil {
		return nil, err
	}
	stays := slices.ContainsFunc(plan.Steps, func(s RollbackStep) bool { return !s.Reversible })
	switch {
	case cmd.Reason == "":
		return nil, fault.New(fault.RollbackNoReason, "job "+j.ID, nil)
	case cmd.Plan != plan.Digest:
		return nil, fault.New(fault.RollbackStalePlan, "job "+j.ID, nil)
	case stays && !cmd.Irreversible:
		return nil, fault.New(fault.RollbackIrreversible, "job "+j.ID, nil)
	}
	c := newChange(p, j, env)
	c.job.Goal, c.job.Reason = events.JobRolledBack, cmd.Reason
	c.job.FinishedAt, c.job.Outputs, c.job.Missing = time.Time{}, nil, nil
	c.moveJob(JobRollbackAsked)
	c.unwind()
	return c, nil
}

// accepted takes an undo that failed for done, because a person says so.
func accepted(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	chosen := func(s *Step, st events.Step) bool {
		return undoInAttention(st) && (cmd.Step == "" || cmd.Step == s.ID)
	}
	switch {
	case !some(p, j, chosen):
		return nil, notAllowed(j, cmd, "no undo is in attention")
	case cmd.Reason == "":
		return nil, notAllowed(j, cmd, "say with a reason why nothing is left to undo")
	}
	c := newChange(p, j, env)
	c.cause(TypeUndoAccepted, cmd.Step, 0, true)
	c.wake()
	for i := range p.Steps {
		if s := &p.Steps[i]; chosen(s, c.job.Steps[s.ID]) {
			c.letBe(s.ID, cmd.Reason)
		}
	}
	c.settle()
	c.conclude()
	return c, nil
}

// letBe ends an undo in attention, with the reason why nothing more is done. Its
// fault stays for whoever asks.
func (c *change) letBe(step, reason string) {
	st := c.job.Steps[step]
	u := *st.Undo
	c.moveUndo(&u, UndoSucceeded)
	u.Accepted = reason
	if reason == "" {
		u.Accepted = "given up"
	}
	st.Undo = &u
	c.job.Steps[step] = st
}
