package flow

import (
	"strings"
	"time"

	"github.com/millrace/millrace/events"
)

// Reason says why a job, a step, or the undo of a step stands where it stands.
type Reason struct {
	// Step is the step it is about, empty for the job, and Undo is true when it is
	// about the step's undo.
	Step string
	Undo bool
	// State is where it stands. An undo that has not begun is pending.
	State string
	// Why says it in a sentence without a full stop, and Next what moves it on.
	// Next is empty when nothing will.
	Why, Next string
	// Until is when it moves on by itself. Zero means that no timer moves it.
	Until time.Time
	// AttemptsLeft is how many attempts the budget still holds, the one at hand among
	// them. Zero when it has settled or a person is asked.
	AttemptsLeft int
	// WaitsFor are the steps that it waits for.
	WaitsFor []string
	// Reuse is what a rerun decided about the step.
	Reuse *events.Reuse
	// Fault is the newest one that has to do with it, with what to do about it.
	Fault *events.Fault
	// Choices are the commands that move it, or all that the job takes.
	Choices []events.Choice
}

// Explain says of a job and of each of its steps, in plan order, why it waits,
// failed, is tried again, was skipped, needs a person or is undone, and what would
// move it. The job comes first, and a step's undo behind the step. It decides by
// what [Apply] decides by: the needs of a step, the policy of the fault's class, and
// the commands of [Allowed]. The zero Job gives nothing.
func Explain(p *Plan, j events.Job) []Reason {
	if j.State == jobNew {
		return nil
	}
	x := &explaining{plan: p, job: j, choices: Allowed(p, j)}
	whole := x.whole()
	whole.Why += x.rerun()
	list := []Reason{whole}
	for i := range p.Steps {
		s := &p.Steps[i]
		st := j.Steps[s.ID]
		list = append(list, x.step(s, st))
		if st.Undo != nil || x.unwinding() && effective(s, st) {
			list = append(list, x.undo(s, st))
		}
	}
	return list
}

// explaining is one call of Explain.
type explaining struct {
	plan    *Plan
	job     events.Job
	choices []events.Choice
}

// unwinding reports whether the job is ending early, or was given up on that way.
func (x *explaining) unwinding() bool {
	return x.job.Goal != "" || x.job.State == events.JobFailed
}

// which returns the steps of a kind, in plan order.
func (x *explaining) which(kind func(*Step, events.Step) bool) []string {
	var ids []string
	for i := range x.plan.Steps {
		if s := &x.plan.Steps[i]; kind(s, x.job.Steps[s.ID]) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// open returns the steps that a stage works on, or on whose undo it works.
func (x *explaining) open() []string {
	return x.which(func(_ *Step, st events.Step) bool {
		return st.State == events.StepQueued || undoIs(st, events.UndoQueued)
	})
}

// stuck returns the steps that need a person, or whose undo does.
func (x *explaining) stuck() []string {
	return x.which(func(_ *Step, st events.Step) bool {
		return st.State == events.StepAttention || undoInAttention(st)
	})
}

func undoIs(st events.Step, s events.UndoState) bool { return st.Undo != nil && st.Undo.State == s }

// nextTimer returns the step whose timer fires first, and when.
func (x *explaining) nextTimer() (step string, at time.Time) {
	for _, d := range Outstanding(x.plan, x.job) {
		if d.Kind == events.DueTimer && d.Limit == "" && (at.IsZero() || d.At.Before(at)) {
			step, at = d.Step, d.At
		}
	}
	return step, at
}

// faultText is a fault in a sentence.
func faultText(f *events.Fault) string {
	switch {
	case f == nil:
		return "no reason was given"
	case f.Message == "" || f.Message == f.Code:
		return f.Code
	}
	return f.Message + " (" + f.Code + ")"
}

// because adds a person's reason to a sentence.
func because(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}

// listing joins names: "a, b and c".
func listing(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// count picks the form of a word that goes with so many names.
func count(names []string, one, many string) string {
	if len(names) == 1 {
		return one
	}
	return many
}

// steps is "step a" or "steps a and b".
func steps(names []string) string { return count(names, "step ", "steps ") + listing(names) }

// clock writes a time in a sentence.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// verbs joins what a person may do: "retry or skip".
func verbs(choices []events.Choice) string {
	var names []string
	for _, c := range choices {
		if n := len(names); n == 0 || names[n-1] != string(c.Verb) {
			names = append(names, string(c.Verb))
		}
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
