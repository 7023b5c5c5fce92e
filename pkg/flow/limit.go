package flow

import (
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// limitGrace is how much later than a limit its timer fires. A worker that has an
// attempt keeps the limit itself; the timer is for when there is none, and the
// answer should come first.
const limitGrace = 5 * time.Second

// limit notes what the limits of a step need to know of an attempt that becomes
// due, and reports whether that has begun the time of the step.
func (c *change) limit(s *Step, st *events.Step) (begun bool) {
	if s.QueueLimit > 0 {
		st.QueuedAt = c.now
	}
	if s.TotalLimit > 0 && st.Until.IsZero() {
		st.Until = c.later(s.TotalLimit)
		return true
	}
	return false
}

// limited reports whether the time of a step runs.
func limited(st events.Step) bool { return !st.Until.IsZero() && !settled(st.State) }

// watched reports whether a job has a deadline that it may still miss. One that is
// being ended or taken back has none any more.
func watched(p *Plan, j events.Job) bool {
	return p.Deadline > 0 && j.State != jobNew && j.Goal == "" && !Final(j.State)
}

func totalItem(id string, st events.Step) events.DueItem {
	return events.DueItem{
		Kind: events.DueTimer, Step: id, At: st.Until.Add(limitGrace), Limit: events.LimitTotal,
	}
}

func deadlineItem(p *Plan, j events.Job) events.DueItem {
	return events.DueItem{
		Kind: events.DueTimer, Step: events.WholeJob, At: deadline(p, j).Add(limitGrace),
		Limit: events.LimitDeadline,
	}
}

func deadline(p *Plan, j events.Job) time.Time {
	return j.AcceptedAt.Add(p.Deadline.Truncate(time.Millisecond))
}

// limitTask tells the worker which limits to keep.
func limitTask(t *events.Task, p *Plan, j events.Job, s *Step) {
	st := j.Steps[s.ID]
	t.StallMS, t.QueueMS, t.QueuedAt = milliseconds(s.StallLimit), milliseconds(s.QueueLimit), st.QueuedAt
	if limited(st) {
		t.Until, t.Limit = st.Until, events.LimitTotal
	}
	if watched(p, j) && (t.Until.IsZero() || deadline(p, j).Before(t.Until)) {
		t.Until, t.Limit = deadline(p, j), events.LimitDeadline
	}
}

// outOfTime reports whether a worker gave an attempt up because there is no time
// for another.
func outOfTime(f *events.Fault) bool {
	code := fault.Code(f.Code)
	return code == fault.StageTotalExceeded || code == fault.JobDeadlineExceeded
}

// exceeded gives a step up whose time is over, whatever it waits for. The answer to
// an open attempt is of no use any more.
func exceeded(p *Plan, j events.Job, s *Step, env Env) *change {
	st := j.Steps[s.ID]
	if !limited(st) {
		return nil
	}
	c := newChange(p, j, env)
	c.wake()
	c.cause(TypeStepFailed, s.ID, st.Attempt, false)
	st.Fault = Recorded(fault.New(fault.StageTotalExceeded, "limit "+s.TotalLimit.String(), nil))
	st.Ruling, st.RetryAt = nil, time.Time{}
	c.giveUp(s, st)
	c.settle()
	c.conclude()
	return c
}

// overdue takes a job back whose deadline has passed, like one of which a critical
// step has failed. Attempts that are open are not awaited: there may be nobody who
// answers.
func overdue(p *Plan, j events.Job, env Env) *change {
	if !watched(p, j) {
		return nil
	}
	c := newChange(p, j, env)
	c.wake()
	c.cause(TypeJobOverdue, "", 0, false)
	f := Recorded(fault.New(fault.JobDeadlineExceeded, "limit "+p.Deadline.String(), nil))
	for i := range p.Steps {
		s := &p.Steps[i]
		st := c.job.Steps[s.ID]
		if st.State == events.StepQueued {
			st.Fault, st.Ruling = f, nil
			c.moveStep(&st, StepStopped)
			c.ended(s, &st)
			c.job.Steps[s.ID] = st
		}
	}
	c.giveUpJob(f)
	c.conclude()
	return c
}
