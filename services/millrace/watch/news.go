package watch

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/millrace/term"
)

// stamp is the time of day that starts a line.
func stamp(t time.Time) string { return t.Local().Format("15:04:05.000") }

// stepNews says how a step got from one state to the next, or "".
func stepNews(was, is events.Step) string {
	late, moved := unheard(was, is), moveNews(was, is)
	switch {
	case late == "":
		return moved
	case moved == "" || is.State == events.StepAttention || undoStuck(is):
		return late
	}
	return late + "; " + moved
}

func undoStuck(s events.Step) bool { return s.Undo != nil && s.Undo.State == events.UndoAttention }

// moveNews is what is said of a step because of its state.
func moveNews(was, is events.Step) string {
	if undo := undoNews(was.Undo, is.Undo); undo != "" {
		return undo
	}
	resumed := resumedNews(was, is)
	if was.State == is.State && was.Attempt == is.Attempt {
		return resumed
	}
	switch is.State {
	case events.StepPending:
		return ""
	case events.StepQueued:
		text := "started"
		if is.Attempt > 1 {
			text = "attempt " + strconv.Itoa(is.Attempt)
		}
		if resumed != "" {
			text += ", " + resumed
		}
		return text
	case events.StepRetrying:
		return "attempt " + strconv.Itoa(is.Attempt) + " failed, next at " + stamp(is.RetryAt) + because(is.Fault)
	case events.StepAttention:
		return "needs a person" + because(is.Fault)
	case events.StepSucceeded:
		if is.Reuse != nil && is.Reuse.Reused {
			return "reused of job " + is.Reuse.Job + files(is.Files)
		}
		return "succeeded" + files(is.Files) + findings(is.Findings)
	case events.StepFailed:
		return "failed" + because(is.Fault)
	case events.StepSkipped:
		return skipped(is)
	}
	return string(is.State)
}

// skipped says why a step was not run.
func skipped(s events.Step) string {
	if s.Reason == flow.ReasonByPerson {
		return "skipped by a person" + because(s.Fault)
	}
	return "skipped, " + strings.ReplaceAll(s.Reason, "_", " ")
}

// resumedNews says where an attempt goes on, or "" when that is no news:
// "resumed compress at 48.0 MiB (checkpoint 3, 94 % saved)".
func resumedNews(was, is events.Step) string {
	r := is.Resumed
	if r == nil || was.Resumed != nil && was.Resumed.Claim == r.Claim {
		return ""
	}
	stage, _, _ := strings.Cut(is.Stage, "@")
	why := ""
	if r.Reason != "" {
		why = ": " + term.Clean(r.Reason)
	}
	switch {
	case r.Decision == events.DecisionRestarted:
		return "started " + stage + " over" + why
	case r.Checkpoint == 0:
		return "started " + stage + " again"
	}
	text := fmt.Sprintf("resumed %s at %s (checkpoint %d", stage, term.Bytes(r.Done), r.Checkpoint)
	if r.Total > 0 {
		text += fmt.Sprintf(", %d %% saved", r.Percent)
	}
	text += ")"
	if r.Decision == events.DecisionFellBack {
		text += ", fell back" + why
	}
	return text
}

func undoNews(was, is *events.StepUndo) string {
	if is == nil || was != nil && *was == *is {
		return ""
	}
	switch is.State {
	case events.UndoQueued:
		return "undoing"
	case events.UndoRetrying:
		return "undo attempt " + strconv.Itoa(is.Attempt) + " failed, next at " + stamp(is.RetryAt) + because(is.Fault)
	case events.UndoAttention:
		return "undo needs a person" + because(is.Fault)
	}
	if is.Accepted != "" {
		return "undo taken for done by a person: " + term.Clean(is.Accepted)
	}
	return "undone"
}

// jobNews says how the job got from one state to the next, or "".
func jobNews(was, is events.Job) string {
	if was.State == is.State {
		return ""
	}
	text := string(is.State)
	switch {
	case flow.Final(was.State) && is.State == events.JobCompensating:
		return "rolling back" + why(is)
	case is.State == events.JobPaused, is.State == events.JobCancelling:
		text += why(is)
	case was.State == events.JobPaused && is.Goal == "" && !flow.Final(is.State):
		text = "resumed, " + text
	}
	if len(is.Missing) > 0 {
		text += ", without " + strings.Join(is.Missing, ", ")
	}
	if is.Fault != nil {
		text += because(is.Fault)
	}
	return text
}

// why is what a person gave as the reason.
func why(j events.Job) string {
	if j.Reason == "" {
		return ""
	}
	return ", " + term.Clean(j.Reason)
}

func because(f *events.Fault) string {
	if f == nil {
		return ""
	}
	return ": " + term.Clean(f.Message) + " (" + f.Code + ")"
}

// files says how many files there are, and how large.
func files(list []events.File) string {
	if len(list) == 0 {
		return ""
	}
	var size int64
	for _, f := range list {
		size += f.Size
	}
	if len(list) == 1 {
		return ", " + term.Clean(list[0].Name) + ", " + term.Bytes(size)
	}
	return fmt.Sprintf(", %d files, %s", len(list), term.Bytes(size))
}

// findings shows the few that say something about a single file at a glance.
func findings(m map[string]string) string {
	if t := m["media_type"]; t != "" {
		return ", " + term.Clean(t)
	}
	return ""
}

// Amount says how far an attempt is.
func Amount(done, total int64, unit string) string {
	show := func(n int64) string {
		if unit == "" || unit == "bytes" {
			return term.Bytes(n)
		}
		return strconv.FormatInt(n, 10)
	}
	text := show(done)
	if total > 0 {
		text = fmt.Sprintf("%d%%, %s of %s", percent(done, total), show(done), show(total))
	}
	if unit != "" && unit != "bytes" {
		text += " " + term.Clean(unit)
	}
	return text
}

func percent(done, total int64) int64 {
	return int64(100 * float64(min(max(done, 0), total)) / float64(total))
}
