package top

import (
	"context"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/millrace/jobscreen"
	"github.com/millrace/millrace/services/millrace/screen"
	"github.com/millrace/millrace/services/millrace/term"
)

// Every is how often the mill is looked at.
const Every = time.Second

// Config is what the screen is made of. All but Query is required.
type Config struct {
	Server Server
	Query  Query
	Paint  term.Paint
	// Send sends the screen a message from any goroutine.
	Send func(tea.Msg)
	Now  func() time.Time
}

// Model is the screen. It is used from one goroutine at a time.
type Model struct {
	cfg           Config
	ctx           context.Context
	query         Query
	width, height int
	frame         int
	// turn counts the questions that were changed: older answers are dropped.
	turn   int
	asking bool
	asked  time.Time

	seen   *Snapshot
	rates  rates
	lost   error
	lostAt time.Time
	note   string

	byName   bool
	selected string // id of a job
	prompt   *screen.Prompt
	job      *jobscreen.Model
	close    context.CancelFunc
	// Interrupted says that Ctrl-C ended the screen.
	Interrupted bool
}

// New returns a screen that looks at a mill until ctx ends.
func New(ctx context.Context, cfg Config) *Model {
	return &Model{cfg: cfg, ctx: ctx, query: cfg.Query, width: 80, height: 24}
}

// taken is an answer to the question of a turn.
type taken struct {
	turn int
	seen *Snapshot
	err  error
}

// opened is a job that is to be shown.
type opened struct {
	id   string
	pipe *api.Pipeline
	err  error
}

// Init begins to look.
func (m *Model) Init() tea.Cmd { return tea.Batch(m.look(), screen.NextTick()) }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case screen.Tick:
		m.frame++
		if m.job == nil {
			return m, tea.Batch(screen.NextTick(), m.look())
		}
	case taken:
		m.take(msg)
		return m, nil
	case opened:
		return m, m.show(msg)
	case jobscreen.Ended:
		m.close()
		m.job, m.asked = nil, time.Time{}
		if msg.Interrupted {
			m.Interrupted = true
			return m, tea.Quit
		}
		return m, m.look()
	case tea.KeyMsg:
		if m.job == nil {
			return m, m.press(msg)
		}
	}
	if m.job != nil {
		_, cmd := m.job.Update(msg)
		return m, cmd
	}
	return m, nil
}

// View draws the screen.
func (m *Model) View() string {
	if m.job != nil {
		return m.job.View()
	}
	return m.draw()
}

// look asks the server, when the last answer is old enough.
func (m *Model) look() tea.Cmd {
	now := m.cfg.Now()
	if m.asking || now.Sub(m.asked) < Every {
		return nil
	}
	m.asking, m.asked = true, now
	turn, query := m.turn, m.query
	return func() tea.Msg {
		s, err := Take(m.ctx, m.cfg.Server, query, now)
		return taken{turn, s, err}
	}
}

// take takes an answer.
func (m *Model) take(t taken) {
	m.asking = false
	if t.turn != m.turn {
		m.asked = time.Time{}
		return
	}
	if t.err != nil {
		if m.lost == nil {
			m.lostAt = m.cfg.Now()
		}
		m.lost = t.err
		return
	}
	m.lost, m.seen = nil, t.seen
	m.rates.note(t.seen)
	if m.at() < 0 {
		m.selected = ""
		if len(m.seen.List) > 0 {
			m.selected = m.seen.List[0].ID
		}
	}
}

// ask changes the question.
func (m *Model) ask(change func(*Query)) {
	before := m.query
	change(&m.query)
	m.turn++
	m.asked = time.Time{}
	if before.Pipeline != m.query.Pipeline {
		m.rates = rates{}
	}
}

// at is where the selected job stands in the list, or -1.
func (m *Model) at() int {
	if m.seen == nil {
		return -1
	}
	return slices.IndexFunc(m.seen.List, func(j api.JobItem) bool { return j.ID == m.selected })
}

// open reads what is needed to show the selected job.
func (m *Model) open() tea.Cmd {
	i := m.at()
	if i < 0 {
		return nil
	}
	j := m.seen.List[i]
	return func() tea.Msg {
		pipe, err := m.cfg.Server.Pipeline(m.ctx, j.Pipeline.Name, j.Pipeline.Digest)
		return opened{j.ID, pipe, err}
	}
}

// show shows a job in place of the mill. Without its pipeline, its steps are shown by
// their names.
func (m *Model) show(o opened) tea.Cmd {
	if m.job != nil {
		return nil
	}
	if o.err != nil {
		o.pipe = nil
	}
	ctx, cancel := context.WithCancel(m.ctx)
	m.close = cancel
	m.job = jobscreen.New(ctx, jobscreen.Config{
		Server: m.cfg.Server, ID: o.id, Pipeline: o.pipe, Paint: m.cfg.Paint,
		Stay: true, Back: true, Send: m.cfg.Send, Now: m.cfg.Now,
	})
	m.job.Resize(m.width, m.height)
	return m.job.Start()
}
