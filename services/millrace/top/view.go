package top

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/services/millrace/screen"
	"github.com/millrace/millrace/services/millrace/term"
)

// draw draws the mill.
func (m *Model) draw() string {
	p := m.cfg.Paint
	title := "all pipelines"
	if m.query.Pipeline != "" {
		title = "pipeline " + m.query.Pipeline
	}
	head := []string{screen.Ends(p.Strong("millrace top")+"  "+title, m.link(), m.width)}
	foot := []string{screen.Keys(p, m.keys(), m.width)}
	switch {
	case m.prompt != nil:
		foot = m.prompt.Lines(p, m.width)
	case m.lost != nil:
		foot = append([]string{p.Bad(term.Clean(m.lost.Error()))}, foot...)
	case m.note != "":
		foot = append([]string{p.Bad(m.note)}, foot...)
	}
	if m.seen == nil {
		return screen.Fit(m.width, m.height, head, []string{"", term.Spinner(m.frame) + " asking the server"}, foot)
	}
	return screen.Fit(m.width, m.height, head, m.body(m.height-len(head)-len(foot)), foot)
}

// link says whether the server answers.
func (m *Model) link() string {
	p := m.cfg.Paint
	if m.lost != nil {
		return p.Bad("no answer for " + term.Ago(m.lostAt, m.cfg.Now()) + ", trying again " + term.Spinner(m.frame))
	}
	return p.Good("●") + p.Faint(" live")
}

// body is the numbers, the stages, the failures and the jobs, as far as there is room:
// half of what the numbers leave is for the jobs.
func (m *Model) body(room int) []string {
	w := writer{p: m.cfg.Paint, s: m.seen, rates: &m.rates, byName: m.byName}
	lines := w.numbers()
	room -= len(lines)
	part := max(room/4, 0)
	if stages := w.stages(); len(stages) > 1 && part > 2 {
		lines = append(lines, screen.Rule(w.p, "stages", m.width))
		lines = append(lines, stages[:min(len(stages), part)]...)
	}
	if failures := w.failures(); len(failures) > 1 && part > 2 {
		lines = append(lines, screen.Rule(w.p, "failures of the last 24 hours", m.width))
		lines = append(lines, failures[:min(len(failures), part)]...)
	}
	if what := w.missing(); what != "" {
		lines = append(lines, w.p.Faint(what))
	}
	return append(lines, m.jobs(w, room-(len(lines)-len(w.numbers())))...)
}

// jobs lists the jobs, around the selected one.
func (m *Model) jobs(w writer, room int) []string {
	which := "jobs"
	if m.query.Open {
		which = "open jobs"
	}
	lines := []string{screen.Rule(w.p, which+", "+string(order(m.query)), m.width)}
	table := w.jobs()
	if len(table) < 2 {
		return append(lines, w.p.Faint("none"))
	}
	lines = append(lines, "  "+w.p.Faint(table[0]))
	rows := table[1:]
	at := max(m.at(), 0)
	for i := range rows {
		if i == at {
			rows[i] = w.p.Busy("▸") + " " + w.p.Strong(rows[i])
		} else {
			rows[i] = "  " + rows[i]
		}
	}
	return append(lines, screen.Around(rows, at, room-2)...)
}

// rowsOf are the lines of a table.
func rowsOf(t *term.Table) []string {
	var b strings.Builder
	// A strings.Builder takes everything.
	_, _ = t.WriteTo(&b)
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// missing says what could not be had, and why.
func (w writer) missing() string {
	if len(w.s.Missing) == 0 {
		return ""
	}
	var parts []string
	for what, code := range w.s.Missing {
		parts = append(parts, fmt.Sprintf("%s (%s)", strings.ReplaceAll(what, "_", " "), code))
	}
	slices.Sort(parts)
	return "not shown: " + strings.Join(parts, ", ")
}
