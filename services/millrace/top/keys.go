package top

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/millrace/screen"
)

// sorts are the orders that a key goes through.
var sorts = []api.JobSort{api.SortNewest, api.SortUpdated, api.SortOldest}

// press takes a key.
func (m *Model) press(k tea.KeyMsg) tea.Cmd {
	if k.Type == tea.KeyCtrlC {
		m.Interrupted = true
		return tea.Quit
	}
	if m.prompt != nil {
		return m.filter(k)
	}
	m.note = ""
	switch key := k.String(); key {
	case "q":
		return tea.Quit
	case "ctrl+z":
		return tea.Suspend
	case "enter":
		return m.open()
	case "o":
		m.ask(func(q *Query) { q.Sort = sorts[(slices.Index(sorts, order(*q))+1)%len(sorts)] })
	case "a":
		m.ask(func(q *Query) { q.Open = !q.Open })
	case "s":
		m.byName = !m.byName
	case "/":
		m.prompt = &screen.Prompt{Question: "jobs of which pipeline?  Enter shows them, empty means all, Esc backs out", Limit: 64}
	default:
		m.move(key)
		return nil
	}
	return m.look()
}

// filter takes a key of the line that a pipeline is typed in.
func (m *Model) filter(k tea.KeyMsg) tea.Cmd {
	switch m.prompt.Press(k) {
	case screen.Dismissed:
		m.prompt = nil
	case screen.Entered:
		name := m.prompt.Text()
		if name != "" && !events.ValidToken(name) {
			m.note, m.prompt = "a pipeline's name is 1 to 64 of a-z, 0-9, _ and -", nil
			return nil
		}
		m.prompt = nil
		m.ask(func(q *Query) { q.Pipeline = name })
		return m.look()
	}
	return nil
}

// move moves the selection.
func (m *Model) move(key string) {
	if m.seen == nil || len(m.seen.List) == 0 {
		return
	}
	m.selected = m.seen.List[screen.Move(key, m.at(), len(m.seen.List))].ID
}

// keys are those that do something, the way out last.
func (m *Model) keys() []screen.Key {
	does := "open jobs only"
	if m.query.Open {
		does = "all jobs"
	}
	stages := "stages by name"
	if m.byName {
		stages = "stages by what waits"
	}
	return []screen.Key{
		{Name: "↑↓", Does: "jobs"},
		{Name: "Enter", Does: "watch"},
		{Name: "/", Does: "pipeline"},
		{Name: "o", Does: "order"},
		{Name: "a", Does: does},
		{Name: "s", Does: stages},
		{Name: "q", Does: "quit"},
	}
}

// order is the order that is asked for.
func order(q Query) api.JobSort {
	if q.Sort == "" {
		return api.SortNewest
	}
	return q.Sort
}

// open lists the states of a job that goes on.
func open() []events.JobState {
	return slices.DeleteFunc(api.States(), flow.Final)
}

// openLetters asks for the dead letters that nothing was done about.
func openLetters() api.DeadLetterQuery {
	return api.DeadLetterQuery{State: api.DeadOpen, Limit: page}
}
