package jobscreen

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/millrace/term"
)

// again is the pause before a server that is away is asked again.
const again = time.Second

// heard is something new of the job, or why nothing is heard.
type heard struct {
	of    *Model
	event client.Event
	err   error
}

// known is the job as the server explains it.
type known struct {
	of      *Model
	job     *api.Job
	reasons []api.Reason
	err     error
}

// follow sends what happens to the job until ctx ends or the server refuses. A job
// that has ended can go on, when it is rolled back.
func (m *Model) follow() tea.Msg {
	var last uint64
	for m.ctx.Err() == nil {
		var refused bool
		for e, err := range m.cfg.Server.Watch(m.ctx, m.cfg.ID, last) {
			if m.ctx.Err() != nil {
				return nil
			}
			if err == nil && e.Record != nil {
				last = e.ID
			}
			m.cfg.Send(heard{m, e, err})
			refused = err != nil && !passing(err)
		}
		if refused {
			return nil
		}
		select {
		case <-m.ctx.Done():
		case <-time.After(again):
		}
	}
	return nil
}

// passing reports whether an error can go away by itself.
func passing(err error) bool {
	switch fault.ClassOf(err) {
	case fault.Transient, fault.RateLimited, fault.DependencyDown, fault.Timeout:
		return true
	}
	return false
}

// hear takes something new of the job.
func (m *Model) hear(h heard) tea.Cmd {
	if h.err != nil {
		if m.lost == nil {
			m.lostAt = m.cfg.Now()
		}
		m.lost, m.gone = h.err, !passing(h.err)
		return nil
	}
	if m.lost != nil {
		m.lost, m.stale = nil, true
	}
	switch e := h.event; {
	case e.Record != nil:
		m.stale = true
		m.tell(m.tracker.Record(*e.Record)...)
	case e.Progress != nil:
		if line := m.tracker.Progress(*e.Progress); line != "" {
			m.tell(line)
		}
	case e.End != nil && !m.cfg.Stay && flow.Final(e.End.State):
		return leave(false)
	}
	return nil
}

// tell adds lines to what happened.
func (m *Model) tell(lines ...string) {
	m.tail = append(m.tail, lines...)
	m.tail = m.tail[max(len(m.tail)-tailLength, 0):]
}

// refresh asks the server what it says of the job, when that may have changed.
func (m *Model) refresh() tea.Cmd {
	if !m.stale || m.asking || m.gone {
		return nil
	}
	m.stale, m.asking = false, true
	return func() tea.Msg {
		j, err := m.cfg.Server.Job(m.ctx, m.cfg.ID)
		if err != nil {
			return known{of: m, err: err}
		}
		e, err := m.cfg.Server.Explain(m.ctx, m.cfg.ID)
		if err != nil {
			return known{of: m, job: j, err: err}
		}
		return known{of: m, job: j, reasons: e.Reasons}
	}
}

// learn takes what the server says of the job.
func (m *Model) learn(k known) {
	m.asking = false
	if k.job != nil {
		m.job = k.job
	}
	if k.err == nil {
		m.reasons = k.reasons
		return
	}
	// That the server is away is told by who follows.
	if !passing(k.err) {
		m.note, m.noteBad = term.Clean(k.err.Error()), true
	}
}
