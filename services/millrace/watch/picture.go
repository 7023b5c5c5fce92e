package watch

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/millrace/term"
)

// Look is how a picture is drawn.
type Look struct {
	// Width of the terminal in columns, and Frame for what moves.
	Width, Frame int
	Now          time.Time
	Paint        term.Paint
}

// Lines draws a job: a line for the job and one for each step.
func (v View) Lines(l Look) []string {
	if v.Revision == 0 {
		return []string{term.Spinner(l.Frame) + " waiting for the job's first record"}
	}
	name := 0
	for _, s := range v.Steps {
		name = max(name, len(s.ID))
	}
	lines := []string{fmt.Sprintf("job %s  %s  %s  %s", v.Job.ID, v.Job.Pipeline.Name,
		StateText(l.Paint, v.Job.State), l.Paint.Faint(term.Took(v.Elapsed(l.Now))))}
	for _, s := range v.Steps {
		head := fmt.Sprintf("  %s %-*s  ", Mark(s, l), name, s.ID)
		lines = append(lines, head+Detail(s, l, l.Width-name-8))
	}
	return lines
}

// Elapsed is how long the job has run, or ran.
func (v View) Elapsed(now time.Time) time.Duration {
	end := now
	if !v.Job.FinishedAt.IsZero() {
		end = v.Job.FinishedAt
	}
	return max(end.Sub(v.Job.AcceptedAt), 0)
}

// Mark is the sign in front of a step.
func Mark(s Step, l Look) string {
	if s.Undo != nil {
		return l.Paint.Busy("↶")
	}
	switch s.State {
	case events.StepSucceeded:
		return l.Paint.Good("✓")
	case events.StepFailed, events.StepAttention:
		return l.Paint.Bad("✗")
	case events.StepSkipped, events.StepCancelled:
		return l.Paint.Faint("-")
	case events.StepQueued:
		return l.Paint.Busy(term.Spinner(l.Frame))
	case events.StepRetrying:
		return l.Paint.Busy("…")
	}
	return l.Paint.Faint("·")
}

// Detail is what stands behind a step's name, in at most room columns.
func Detail(s Step, l Look, room int) string {
	room = max(room, 8)
	switch {
	case s.Undo != nil && s.Undo.Accepted != "":
		return term.Short(undoNews(nil, s.Undo), room)
	case s.Undo != nil:
		return term.Short("undo "+string(s.Undo.State)+because(s.Undo.Fault), room)
	case s.State == events.StepQueued:
		return busy(s, l, room)
	case s.State == events.StepSucceeded:
		text := strings.TrimPrefix(files(s.Files)+findings(s.Findings), ", ")
		if !s.Ended.IsZero() && !s.Queued.IsZero() {
			text += "  " + term.Took(s.Ended.Sub(s.Queued))
		}
		return l.Paint.Faint(term.Short(text, room))
	case s.State == events.StepRetrying:
		wait := max(s.RetryAt.Sub(l.Now), 0).Round(100 * time.Millisecond)
		return term.Short(fmt.Sprintf("attempt %d failed, again in %s%s", s.Attempt, wait, because(s.Fault)), room)
	case s.State == events.StepSkipped:
		return l.Paint.Faint(term.Short(skipped(s.Step), room))
	case s.State == events.StepPending:
		return ""
	}
	return term.Short(string(s.State)+because(s.Fault), room)
}

// busy is a bar with figures, or figures alone where there is no room for it.
func busy(s Step, l Look, room int) string {
	var text string
	if s.Done > 0 || s.Total > 0 {
		text = Amount(s.Done, s.Total, s.Unit)
	}
	if s.Attempt > 1 {
		text = strings.TrimPrefix(text+fmt.Sprintf(", attempt %d", s.Attempt), ", ")
	}
	bar := min(24, room-utf8.RuneCountInString(text)-2)
	if bar < 6 {
		return term.Short(text, room)
	}
	return l.Paint.Good(term.Bar(bar, s.Done, s.Total)) + "  " + text
}

// StateText is the state of a job in its color.
func StateText(p term.Paint, s events.JobState) string {
	switch s {
	case events.JobCompleted:
		return p.Good(string(s))
	case events.JobFailed, events.JobAttention, events.JobPaused, events.JobRolledBack:
		return p.Bad(string(s))
	}
	return p.Busy(string(s))
}
