package flow

import (
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// change is a job while it is being moved. It owns its map of steps; whatever
// else it shares with the state before, it replaces instead of changing.
type change struct {
	plan    *Plan
	now     time.Time
	entropy uint64
	was     events.Job
	job     events.Job
	due     []events.DueItem
	// event is the type of the record unless the job's state changes, and
	// step, attempt and undo name what caused it.
	event   string
	step    string
	attempt int
	undo    bool
	// ruling is what a rule said about the fault that the input brought, or nil.
	ruling *events.Ruling
	// word is what a command or a default says, or nil.
	word *word
	// err is the first move that a machine refused.
	err error
}

// newChange returns a change of a copy of j.
func newChange(p *Plan, j events.Job, env Env) *change {
	c := &change{
		plan:    p,
		now:     env.Now.UTC().Truncate(time.Millisecond),
		entropy: env.Entropy,
		was:     j,
		job:     j,
	}
	c.job.Steps = maps.Clone(j.Steps)
	return c
}

// modern reports whether the job undoes what failed or was stopped, too.
func (c *change) modern() bool { return c.job.Rules >= rulesUndo }

// paused reports whether nothing new may begin.
func (c *change) paused() bool { return c.job.State == events.JobPaused }

// cause notes what the record speaks of.
func (c *change) cause(event, step string, attempt int, undo bool) {
	c.event, c.step, c.attempt, c.undo = event, step, attempt, undo
}

// transition returns the finished change.
func (c *change) transition() Transition {
	c.decisions()
	if c.was.State == events.JobPaused && !c.paused() {
		c.wakeUndos()
		c.due = c.newlyDue() // timers stood still
	}
	slices.SortStableFunc(c.due, func(a, b events.DueItem) int { return c.plan.place(a.Step) - c.plan.place(b.Step) })
	t := Transition{
		Changed: true,
		Type:    c.event,
		Kind:    events.KindStep,
		Step:    c.step,
		Attempt: c.attempt,
		Job:     c.job,
		Due:     c.due,
	}
	switch {
	case c.job.State != c.was.State:
		t.Kind = events.KindJob
		if t.Type = c.entered(); t.Type != c.event {
			t.Cause = c.event
		}
	case c.undo:
		t.Kind = events.KindUndo
	}
	return t
}

// newlyDue returns what is outstanding and was not before the change.
func (c *change) newlyDue() (due []events.DueItem) {
	had := Outstanding(c.plan, c.was)
	for _, d := range Outstanding(c.plan, c.job) {
		if !slices.Contains(had, d) {
			due = append(due, d)
		}
	}
	return due
}

// moveJob takes the job along an edge of its machine.
func (c *change) moveJob(on JobEvent) {
	if to, ok := jobMoves[c.job.State][on]; ok {
		c.job.State = to
		return
	}
	c.illegal("job", string(c.job.State), string(on))
}

// moveStep takes a step along an edge of its machine. Its turn has come, and what it
// gave in another job has been thought of.
func (c *change) moveStep(st *events.Step, on StepEvent) {
	if to, ok := stepMoves[st.State][on]; ok {
		st.State, st.Prior = to, nil
		return
	}
	c.illegal("step", string(st.State), string(on))
}

// moveUndo takes a compensation along an edge of its machine.
func (c *change) moveUndo(u *events.StepUndo, on UndoEvent) {
	if to, ok := undoMoves[u.State][on]; ok {
		u.State = to
		return
	}
	c.illegal("undo", string(u.State), string(on))
}

func (c *change) illegal(machine, state, event string) {
	if c.err == nil {
		c.err = fault.New(fault.InternalBug,
			machine+" machine has no move "+event+" from "+state+" in job "+c.job.ID, nil)
	}
}

// queue makes the next attempt of a step due.
func (c *change) queue(s *Step, st events.Step) {
	c.moveStep(&st, StepDue)
	st.Attempt++
	st.RetryAt = time.Time{}
	st.Resumed, st.Effect = nil, ""
	begun := c.limit(s, &st)
	c.job.Steps[s.ID] = st
	c.due = append(c.due, workItem(s.ID, st))
	if begun {
		c.due = append(c.due, totalItem(s.ID, st))
	}
}
