package jobscreen

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/millrace/screen"
	"github.com/millrace/millrace/services/millrace/watch"
)

// command is a key that asks something of the job.
type command struct {
	key, does string
	verb      events.Verb
}

// commands are the keys that ask something of the job. Pause and resume share one.
var commands = []command{
	{"c", "cancel", events.VerbCancel},
	{"r", "retry", events.VerbRetry},
	{"p", "pause", events.VerbPause},
	{"p", "resume", events.VerbResume},
	{"s", "skip", events.VerbSkip},
	{"x", "abandon", events.VerbAbandon},
	{"u", "undone by hand", events.VerbAccept},
}

// press takes a key.
func (m *Model) press(k tea.KeyMsg) tea.Cmd {
	if k.Type == tea.KeyCtrlC {
		return leave(true)
	}
	if m.dialog.open() {
		return m.converse(k)
	}
	m.note = ""
	steps := m.tracker.View().Steps
	switch key := k.String(); key {
	case "q":
		return leave(false)
	case "esc":
		if m.cfg.Back {
			return leave(false)
		}
		m.selected = 0
	case "ctrl+z":
		return tea.Suspend
	case "d":
		return m.lookAtDecision(steps)
	default:
		m.selected = screen.Move(key, m.selected, len(steps)+1)
		for _, c := range commands {
			if choice, ok := m.allowed(c.verb); ok && c.key == key {
				m.begin(c, choice, steps)
			}
		}
	}
	return nil
}

// allowed returns what the job says of a verb, if it takes it now.
func (m *Model) allowed(verb events.Verb) (events.Choice, bool) {
	if m.job == nil {
		return events.Choice{}, false
	}
	i := slices.IndexFunc(m.job.Allowed, func(c events.Choice) bool { return c.Verb == verb })
	if i < 0 {
		return events.Choice{}, false
	}
	return m.job.Allowed[i], true
}

// keys are those that do something now, the way out last.
func (m *Model) keys(v watch.View) []screen.Key {
	var keys []screen.Key
	if len(decisions(v.Steps)) > 0 {
		keys = append(keys, screen.Key{Name: "d", Does: "decide"})
	}
	for _, c := range commands {
		if choice, ok := m.allowed(c.verb); ok && !slices.Contains(choice.Needs, "effect") {
			keys = append(keys, screen.Key{Name: c.key, Does: c.does})
		}
	}
	if len(v.Steps) > 0 {
		keys = append(keys, screen.Key{Name: "↑↓", Does: "steps"})
	}
	out := screen.Key{Name: "q", Does: "quit"}
	switch {
	case m.cfg.Back:
		out.Does = "back"
	case !flow.Final(v.Job.State):
		out.Does = "quit, the job goes on"
	}
	return append(keys, out)
}

// decisions are those about steps, or their undos, that are open.
func decisions(steps []watch.Step) []*events.DecisionRecord {
	var open []*events.DecisionRecord
	for _, s := range steps {
		if d := decision(s); d != nil {
			open = append(open, d)
		}
	}
	return open
}

// decision is the one about a step, or its undo, that is open.
func decision(s watch.Step) *events.DecisionRecord {
	d := s.Decision
	if s.Undo != nil && s.Undo.Decision != nil {
		d = s.Undo.Decision
	}
	if d == nil || d.Made != nil {
		return nil
	}
	return d
}
