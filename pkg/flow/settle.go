package flow

import (
	"encoding/json"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Reasons for which a step is skipped.
const (
	// ReasonWhenFalse: the step's condition is false. Its inputs are its files.
	ReasonWhenFalse = "when_false"
	// ReasonNeedsFailed: none of the step's needs gave a result.
	ReasonNeedsFailed = "needs_failed"
	// ReasonByPerson: a person went on without it. Its inputs are its files.
	ReasonByPerson = "by_person"
)

// settle decides every pending step whose needs are settled. Steps that are
// skipped, reused or fail settle others in turn, which come later in the plan. Only when
// all is decided are the steps that may run made due: none of them starts if one
// of the others ends the job.
func (c *change) settle() {
	if c.job.Goal != "" || c.paused() {
		return
	}
	var room [16]*Step
	ready := room[:0]
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		if st := c.job.Steps[s.ID]; st.State == events.StepPending && c.decided(s, st) {
			ready = append(ready, s)
		}
	}
	if c.job.Goal != "" {
		return
	}
	for _, s := range ready {
		c.queue(s, c.job.Steps[s.ID])
	}
}

// decided skips or fails a pending step, or takes an earlier result for it over, or
// returns true when it may run.
func (c *change) decided(s *Step, st events.Step) (ready bool) {
	results := 0
	for _, need := range s.Needs {
		n := c.job.Steps[need]
		if !settled(n.State) {
			return false
		}
		if hasResult(n) {
			results++
		}
	}
	if len(s.Needs) > 0 && results == 0 {
		c.skip(s, st, ReasonNeedsFailed, nil)
		return false
	}
	facts := Facts{Job: &c.job, Step: s.ID, Files: inputs(&c.job, s)}
	if s.When != nil {
		run, err := s.When.Eval(facts)
		if err != nil {
			c.expressionFailed(s, st, "when", err)
			return false
		}
		if !run {
			c.skip(s, st, ReasonWhenFalse, facts.Files)
			return false
		}
	}
	var config json.RawMessage
	if s.With != nil {
		var err error
		if config, err = s.With.Resolve(facts); err != nil {
			c.expressionFailed(s, st, "with", err)
			return false
		}
	}
	return !c.takeOver(s, st, facts.Files, config)
}

func (c *change) skip(s *Step, st events.Step, reason string, files []events.File) {
	c.moveStep(&st, StepPassed)
	st.Reason, st.Files = reason, files
	c.job.Steps[s.ID] = st
}

func (c *change) expressionFailed(s *Step, st events.Step, field string, err error) {
	st.Fault = Recorded(expressionFault(field+" of step "+s.ID, err))
	c.giveUp(s, st)
}

// expressionFault names the expression that failed. A cause that is the same
// fault already is not said twice.
func expressionFault(where string, err error) *fault.Error {
	if e := fault.From(err); e.Code == fault.PipelineExpressionFailed {
		if e.Detail != "" {
			where += ": " + e.Detail
		}
		err = e.Err
	}
	return fault.New(fault.PipelineExpressionFailed, where, err)
}

// giveUp fails a step for good, and with a critical one the job.
func (c *change) giveUp(s *Step, st events.Step) {
	c.moveStep(&st, StepGaveUp)
	c.ended(s, &st)
	c.job.Steps[s.ID] = st
	switch {
	case c.job.Goal != "":
	case s.Critical:
		c.giveUpJob(st.Fault)
	case st.Order > 0:
		c.queueUndo(s, st, events.StepUndo{})
	}
}

// ended gives a step that failed or was stopped its place among those that are
// undone: an attempt may have had effects before it ended.
func (c *change) ended(s *Step, st *events.Step) {
	if c.modern() && s.Compensable && st.Attempt > 0 {
		st.Order = c.successes() + 1
	}
}
