package jobscreen

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/millrace/screen"
	"github.com/millrace/millrace/services/millrace/term"
	"github.com/millrace/millrace/services/millrace/watch"
)

// shortWindow is the height below which only what matters most is shown.
const shortWindow = 16

// View draws the screen.
func (m *Model) View() string {
	v := m.tracker.View()
	head, foot := m.head(v), m.foot(v)
	room := max(m.height-len(head)-len(foot), 0)
	return screen.Fit(m.width, m.height, head, m.body(v, room), foot)
}

// head names the job, and says whether the server is heard.
func (m *Model) head(v watch.View) []string {
	p := m.cfg.Paint
	if v.Revision == 0 {
		return []string{screen.Ends(p.Strong("job "+m.cfg.ID), m.link(), m.width), ""}
	}
	now := m.cfg.Now()
	left := fmt.Sprintf("%s  %s  %s  %s", p.Strong("job "+v.Job.ID), v.Job.Pipeline.Name,
		watch.StateText(p, v.Job.State), p.Faint(term.Took(v.Elapsed(now))))
	lines := []string{screen.Ends(left, m.link(), m.width)}
	if m.height < shortWindow {
		return lines
	}
	return append(lines, p.Faint(about(v.Job)), "")
}

// link says whether the server is heard.
func (m *Model) link() string {
	p := m.cfg.Paint
	switch {
	case m.gone:
		return p.Bad("refused")
	case m.lost != nil:
		return p.Bad("no answer for " + term.Ago(m.lostAt, m.cfg.Now()) + ", trying again " + term.Spinner(m.frame))
	}
	return p.Good("●") + p.Faint(" live")
}

// about says what the job works on, and by which key and labels it is found.
func about(j events.Job) string {
	var parts []string
	if len(j.Files) > 0 {
		name := term.Clean(j.Files[0].Name)
		if name == "" {
			name = "a file"
		}
		if n := len(j.Files) - 1; n > 0 {
			name += fmt.Sprintf(" and %d more", n)
		}
		parts = append(parts, name)
	}
	if j.Key != "" {
		parts = append(parts, "key "+term.Clean(j.Key))
	}
	for _, name := range slices.Sorted(maps.Keys(j.Labels)) {
		parts = append(parts, term.Clean(name+"="+j.Labels[name]))
	}
	return strings.Join(parts, " · ")
}

// body is what stands between: the steps, why the selected one stands where it stands,
// the open decisions, and what happened last.
func (m *Model) body(v watch.View, room int) []string {
	if v.Revision == 0 {
		return []string{term.Spinner(m.frame) + " waiting for the job's first record"}
	}
	steps := m.stepLines(v)
	if room < shortWindow/2 {
		return screen.Around(steps, m.selected-1, room)
	}
	panel := append(m.why(v), m.waiting(v)...)
	steps = screen.Around(steps, m.selected-1, max(room/2, room-len(panel)-1))
	lines := append(steps, "")
	lines = append(lines, panel[:min(len(panel), max(room-len(lines), 0))]...)
	if left := room - len(lines) - 1; left > 1 && len(m.tail) > 0 {
		lines = append(lines, screen.Rule(m.cfg.Paint, "what happened", m.width))
		for _, line := range m.tail[max(len(m.tail)-left, 0):] {
			lines = append(lines, m.cfg.Paint.Faint(screen.Cut(line, m.width)))
		}
	}
	return lines
}

// why says why the job, or the selected step, stands where it stands.
func (m *Model) why(v watch.View) []string {
	p, of, title := m.cfg.Paint, "", "why the job is "+string(v.Job.State)
	if m.selected > 0 {
		of = v.Steps[m.selected-1].ID
		title = "why " + of + " is " + string(v.Steps[m.selected-1].State)
	}
	lines := []string{screen.Rule(p, title, m.width)}
	for _, r := range m.reasons {
		if r.Step != of {
			continue
		}
		lines = append(lines, m.wrap(reason(r))...)
		if r.Next != "" {
			lines = append(lines, m.wrap("next: "+term.Clean(r.Next))...)
		}
		if r.Fault != nil && r.Fault.Hint != "" {
			lines = append(lines, m.wrap("hint: "+term.Clean(r.Fault.Hint))...)
		}
	}
	return append(lines, "")
}

func reason(r api.Reason) string {
	if r.Undo {
		return "undo " + r.State + ": " + term.Clean(r.Why)
	}
	return term.Clean(r.Why)
}

// wrap breaks a text into lines of the window.
func (m *Model) wrap(text string) []string {
	return strings.Split(screen.Wrap(text, m.width), "\n")
}

// waiting lists what people are asked.
func (m *Model) waiting(v watch.View) []string {
	open := decisions(v.Steps)
	if len(open) == 0 {
		return nil
	}
	p := m.cfg.Paint
	lines := []string{screen.Rule(p, "people are asked", m.width)}
	for _, d := range open {
		var words []string
		for _, c := range d.Choices {
			words = append(words, string(c))
		}
		lines = append(lines, fmt.Sprintf("%s  %s, %s %s", p.Busy(d.ID), joined(words),
			due(d.DueAt, m.cfg.Now()), p.Faint("then "+string(d.Default))))
	}
	return append(lines, "")
}

// due says how long a person has left.
func due(at, now time.Time) string {
	if at.After(now) {
		return "within " + term.Ago(now, at)
	}
	return "overdue for " + term.Ago(at, now)
}

// foot is the dialog or what became of the last one, and the keys.
func (m *Model) foot(v watch.View) []string {
	p := m.cfg.Paint
	var lines []string
	switch {
	case m.dialog.open():
		return append(lines, m.dialog.lines(p, m.width)...)
	case m.gone:
		lines = append(lines, p.Bad(term.Clean(m.lost.Error())))
	case m.note != "" && m.noteBad:
		lines = append(lines, p.Bad(m.note))
	case m.note != "":
		lines = append(lines, m.note)
	}
	return append(lines, screen.Keys(p, m.keys(v), m.width))
}

// joined lists words.
func joined(words []string) string { return strings.Join(words, ", ") }
