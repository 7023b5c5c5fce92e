package top

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/millrace/term"
	"github.com/millrace/millrace/services/millrace/watch"
)

// writer turns a snapshot into lines.
type writer struct {
	p      term.Paint
	s      *Snapshot
	rates  *rates
	byName bool
}

// Write writes a snapshot in plain lines.
func Write(out io.Writer, s *Snapshot) error {
	w := writer{s: s, rates: &rates{}}
	lines := w.numbers()
	for _, part := range [][]string{w.stages(), w.failures(), w.jobs()} {
		if len(part) > 1 {
			lines = append(append(lines, ""), part...)
		}
	}
	if what := w.missing(); what != "" {
		lines = append(lines, "", what)
	}
	_, err := io.WriteString(out, strings.Join(lines, "\n")+"\n")
	return err
}

// numbers are the few lines that say how the mill is.
func (w writer) numbers() []string {
	lines := []string{"jobs      " + w.states(), "flow      " + w.flow()}
	if j := w.s.Oldest; j != nil {
		lines = append(lines, fmt.Sprintf("oldest    %s, %s %s", term.Ago(j.AcceptedAt, w.s.At), j.ID, j.State))
	}
	lines = append(lines, "people    "+w.people())
	if text := w.trouble(); text != "" {
		lines = append(lines, "trouble   "+text)
	}
	return lines
}

// states counts the jobs by state, in the order of the machine.
func (w writer) states() string {
	if w.s.Jobs == nil {
		return "-"
	}
	var parts []string
	for _, state := range api.States() {
		if n := w.s.Jobs.States[string(state)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", watch.StateText(w.p, state), n))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, "  ")
}

// flow says how many jobs come and end.
func (w writer) flow() string {
	var parts []string
	for _, name := range []string{"in", "out"} {
		if rate, ok := w.rates.of(name); ok {
			parts = append(parts, fmt.Sprintf("%s %.1f/s", name, rate))
		}
	}
	if h := w.s.Hour; h != nil {
		parts = append(parts, fmt.Sprintf("this hour %d in, %d out, %s", h.Accepted, ended(h.Finished),
			w.alarm(h.Failures > 0, count(int(h.Failures), "failure", "failures"))))
		if h.MeanMS > 0 {
			parts = append(parts, "a job takes "+term.Took(time.Duration(h.MeanMS)*time.Millisecond))
		}
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, "  ")
}

// people says what waits for somebody.
func (w writer) people() string {
	overdue := 0
	for _, d := range w.s.Decisions {
		if d.Overdue > 0 || d.DueAt.Before(w.s.At) {
			overdue++
		}
	}
	text := w.alarm(len(w.s.Decisions) > 0, count(len(w.s.Decisions), "open decision", "open decisions")+full(len(w.s.Decisions)))
	if overdue > 0 {
		text += fmt.Sprintf(" (%d overdue)", overdue)
	}
	return text + ", " + w.alarm(len(w.s.DeadLetters) > 0, count(len(w.s.DeadLetters), "dead letter", "dead letters")+full(len(w.s.DeadLetters)))
}

// count says how many there are.
func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// full says of a page that is full that there can be more.
func full(n int) string {
	if n < page {
		return ""
	}
	return " or more"
}

// trouble lists the dependencies whose circuit is not closed.
func (w writer) trouble() string {
	var parts []string
	for _, b := range w.s.Breakers {
		if b.State != events.BreakerClosed {
			part := w.p.Bad(term.Clean(b.Dependency)+" "+string(b.State)) + " " + term.Clean(b.Reason) + " at " + term.Clean(b.Worker)
			if len(b.Stages) > 0 {
				part += " for " + term.Clean(strings.Join(b.Stages, ", "))
			}
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "  ")
}

// alarm colors a text when it is bad news.
func (w writer) alarm(bad bool, text string) string {
	if bad {
		return w.p.Busy(text)
	}
	return text
}

// stages lists what has to do: by how old its work is, or by name.
func (w writer) stages() []string {
	list := slices.Clone(w.s.Consumers)
	if !w.byName {
		slices.SortStableFunc(list, func(a, b api.Consumer) int {
			return cmp.Or(cmp.Compare(b.OldestSeconds, a.OldestSeconds), cmp.Compare(b.Pending, a.Pending),
				cmp.Compare(b.Delivered, a.Delivered))
		})
	}
	t := term.NewTable("STAGE", "WAITING", "IN FLIGHT", "OLDEST", "AGAIN", "PER SECOND", "SERVED")
	for _, c := range list {
		name := cmp.Or(c.Stage, c.Name)
		if c.Undo {
			name += ", undo"
			if c.Pending == 0 && c.InFlight == 0 {
				continue
			}
		}
		served := "yes"
		if !c.Served {
			served = "no"
		}
		if c.Name == events.ConsumerTimers {
			name, served = "timers", "-"
		}
		rate := "-"
		if r, ok := w.rates.of("of " + c.Name); ok {
			rate = fmt.Sprintf("%.1f", r)
		}
		t.Row(name, fmt.Sprint(c.Pending), fmt.Sprint(c.InFlight), term.Ago(c.Oldest, w.s.At),
			fmt.Sprint(c.Redelivered), rate, served)
	}
	return rowsOf(t)
}

// failures lists what failed lately, by code.
func (w writer) failures() []string {
	t := term.NewTable("CODE", "CLASS", "COUNT", "LAST", "JOBS NOW", "HINT")
	for _, f := range w.s.Failures {
		if f.Count > 0 {
			t.Row(f.Code, f.Class, fmt.Sprint(f.Count), term.Ago(f.LastAt, w.s.At), fmt.Sprint(f.Jobs), f.Hint)
		}
	}
	return rowsOf(t)
}

// jobs lists the jobs.
func (w writer) jobs() []string {
	t := term.NewTable("JOB", "PIPELINE", "STATE", "STEPS", "AGE", "NAME")
	for _, j := range w.s.List {
		t.Row(j.ID, j.Pipeline.Name, string(j.State), fmt.Sprintf("%d/%d", j.StepsDone, j.Steps),
			term.Ago(j.AcceptedAt, w.s.At), j.Name)
	}
	return rowsOf(t)
}
