package jobscreen

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/millrace/screen"
	"github.com/millrace/millrace/services/millrace/term"
	"github.com/millrace/millrace/services/millrace/watch"
)

// Widths of a step's line, in columns.
const (
	nameWidth  = 24 // of names at most
	needsWidth = 28 // of what a step needs at most
	wideWindow = 110
	barWidth   = 24
	barLeast   = 6
)

// stepLines draws a line for each step: the selected one is marked.
func (m *Model) stepLines(v watch.View) []string {
	p := m.cfg.Paint
	name, needs := 4, 0
	for _, s := range v.Steps {
		name = max(name, min(ansi.StringWidth(s.ID), nameWidth))
		needs = max(needs, min(ansi.StringWidth(m.needs(s.ID)), needsWidth))
	}
	if m.width < wideWindow {
		needs = 0
	}
	look := watch.Look{Frame: m.frame, Now: m.cfg.Now(), Paint: p}
	lines := make([]string, len(v.Steps))
	for i, s := range v.Steps {
		cursor, id := " ", screen.Pad(s.ID, name)
		if i == m.selected-1 {
			cursor, id = p.Busy("▸"), p.Strong(id)
		}
		line := cursor + " " + watch.Mark(s, look) + " " + id + "  "
		if needs > 0 {
			line += p.Faint(screen.Pad(m.needs(s.ID), needs)) + "  "
		}
		look.Width = m.width - ansi.StringWidth(line)
		lines[i] = line + m.detail(s, look)
	}
	return lines
}

// needs says what a step comes after.
func (m *Model) needs(id string) string {
	if list := m.steps[id].Needs; len(list) > 0 {
		return "← " + strings.Join(list, ", ")
	}
	return ""
}

// detail is what stands behind a step's name.
func (m *Model) detail(s watch.Step, look watch.Look) string {
	switch {
	case s.Undo == nil && s.State == events.StepQueued:
		return m.busy(s, look)
	case s.Undo == nil && s.State == events.StepPending:
		return look.Paint.Faint(screen.Cut(m.waitsFor(s.ID), look.Width))
	case s.Undo == nil && s.State == events.StepRetrying:
		return screen.Cut(m.left(s)+watch.Detail(s, look, 1000), look.Width)
	}
	return watch.Detail(s, look, look.Width)
}

// waitsFor says which steps a step waits for.
func (m *Model) waitsFor(id string) string {
	for _, r := range m.reasons {
		if r.Step == id && len(r.WaitsFor) > 0 {
			return "waits for " + strings.Join(r.WaitsFor, ", ")
		}
	}
	return ""
}

// busy is a bar, in which what was saved before is told from what was done now, and
// the figures, the most important first.
func (m *Model) busy(s watch.Step, look watch.Look) string {
	var parts []string
	if s.Done > 0 || s.Total > 0 {
		parts = append(parts, watch.Amount(s.Done, s.Total, s.Unit))
	}
	if s.Rate > 0 && (s.Unit == "" || s.Unit == "bytes") {
		parts = append(parts, term.Bytes(int64(s.Rate))+"/s")
	} else if s.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%.3g %s/s", s.Rate, term.Clean(s.Unit)))
	}
	if left := s.Left(); left > 0 {
		parts = append(parts, term.Took(left)+" left")
	}
	if s.Attempt > 1 || s.Spent > 0 {
		parts = append(parts, m.tries(s))
	}
	if r := s.Resumed; r != nil && r.Checkpoint > 0 {
		text := fmt.Sprintf("resumed at checkpoint %d", r.Checkpoint)
		if r.Total > 0 {
			text += fmt.Sprintf(", %d %% saved", r.Percent)
		}
		parts = append(parts, text)
	}
	text := strings.Join(parts, "  ")
	if text == "" {
		return look.Paint.Faint("with its stage, or on the way there")
	}
	if s.Total <= 0 || look.Width-ansi.StringWidth(parts[0])-2 < barLeast {
		return screen.Cut(text, look.Width)
	}
	width := max(look.Width-ansi.StringWidth(text)-2, barWidth/2)
	width = min(width, barWidth, look.Width-ansi.StringWidth(parts[0])-2)
	return screen.Cut(m.bar(s, width)+"  "+text, look.Width)
}

// bar is filled by what is done; what a checkpoint saved is lighter.
func (m *Model) bar(s watch.Step, width int) string {
	var saved int64
	if s.Resumed != nil && s.Resumed.Total > 0 {
		saved = min(s.Resumed.Done, s.Done)
	}
	full := strings.Count(term.Bar(width, s.Done, s.Total), "█")
	kept := min(strings.Count(term.Bar(width, saved, s.Total), "█"), full)
	return m.cfg.Paint.Good(strings.Repeat("▓", kept)+strings.Repeat("█", full-kept)) + strings.Repeat("░", width-full)
}

// tries says which attempt it is, and how many are left.
func (m *Model) tries(s watch.Step) string {
	return strings.TrimRight(fmt.Sprintf("attempt %d  %s", s.Attempt, m.left(s)), " ")
}

// left says how many attempts are left, with space behind it, or nothing.
func (m *Model) left(s watch.Step) string {
	most := m.steps[s.ID].MaxAttempts
	if most <= 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d attempts left  ", max(most-s.Spent, 0), most)
}
