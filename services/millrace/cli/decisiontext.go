package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/millrace/term"
)

// writeDecision writes a decision in words, what can be chosen last.
func writeDecision(w io.Writer, d *api.Decision, now time.Time) error {
	t := term.NewTable()
	t.Row("decision", d.ID)
	t.Row("job", d.Job+", "+string(d.State))
	t.Row("pipeline", d.Pipeline)
	step := d.Step + ", " + d.Stage
	if d.Undo {
		step = "undo of " + step
	}
	t.Row("step", step)
	t.Row("opened", term.Ago(d.OpenedAt, now)+" ago, after "+fmt.Sprintf("%d %s", d.Attempts, plural(d.Attempts, "attempt", "attempts")))
	if f := d.Fault; f != nil {
		t.Row("fault", f.Message+" ("+f.Code+", "+f.Class+")")
		t.Row("hint", f.Hint)
	}
	if d.Effect != "" {
		t.Row("effect", d.Effect)
	}
	if d.Checkpoint != nil {
		t.Row("checkpoint", placeText(*d.Checkpoint))
	}
	if m := d.Made; m != nil {
		t.Row("made", string(m.Choice)+" "+term.Ago(m.At, now)+" ago by "+dash(m.By))
		t.Row("reason", dash(m.Reason))
		_, err := t.WriteTo(w)
		return err
	}
	t.Row("due", dueText(*d, now)+", at "+clockText(d.DueAt)+"; then "+string(d.Default))
	t.Row("version", d.Version)
	if _, err := t.WriteTo(w); err != nil {
		return err
	}
	choices := term.NewTable("CHOICE", "MEANS")
	for _, o := range d.Choices {
		choices.Row(string(o.Choice), o.Means)
	}
	_, err := choices.WriteTo(w)
	return err
}

// dueText says how long a person has left, or since when nobody has decided.
func dueText(d api.Decision, now time.Time) string {
	var text string
	if left := d.DueAt.Sub(now); left > 0 {
		text = "in " + term.Ago(now, d.DueAt)
	} else {
		text = term.Ago(d.DueAt, now) + " ago"
	}
	if d.Overdue > 0 {
		text += fmt.Sprintf(", %d %s missed", d.Overdue, plural(d.Overdue, "time", "times"))
	}
	return text
}

// placeText says how far a step has come.
func placeText(at events.DecisionPlace) string {
	var parts []string
	if at.Number > 0 {
		parts = append(parts, fmt.Sprintf("%d", at.Number))
	}
	done := term.Bytes(at.Done)
	if at.Total > 0 {
		done += fmt.Sprintf(" of %s, %d %%", term.Bytes(at.Total), at.Percent)
	}
	return strings.Join(append(parts, done), ", ")
}

// openDecision returns the decision about a step, or its undo, that is open.
func openDecision(s events.Step) *events.DecisionRecord {
	d := s.Decision
	if s.Undo != nil && s.Undo.Decision != nil {
		d = s.Undo.Decision
	}
	if d == nil || d.Made != nil {
		return nil
	}
	return d
}

func codeOf(f *events.Fault) string {
	if f == nil {
		return "-"
	}
	return f.Code
}

// clockText writes a time for people.
func clockText(t time.Time) string { return t.UTC().Format(time.RFC3339) }
