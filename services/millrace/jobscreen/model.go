// Package jobscreen shows one job on a whole terminal while it goes on: its steps, why
// it stands where it stands, what happened, and the commands that it takes, by key.
package jobscreen

import (
	"context"
	"iter"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/screen"
	"github.com/millrace/millrace/services/millrace/term"
	"github.com/millrace/millrace/services/millrace/watch"
)

// Server is what the screen asks of a server; [client.Client] has it. Its Watch
// returns soon when the server is away: the screen says so and asks again.
type Server interface {
	Watch(ctx context.Context, id string, after uint64) iter.Seq2[client.Event, error]
	Job(ctx context.Context, id string) (*api.Job, error)
	Explain(ctx context.Context, id string) (*api.Explanation, error)
	Pipeline(ctx context.Context, name, digest string) (*api.Pipeline, error)
	Decision(ctx context.Context, id string) (*api.Decision, error)
	Decide(ctx context.Context, id, version string, a api.DecisionAnswer) (*api.Decision, error)
	Order(ctx context.Context, id string, verb events.Verb, o api.Order) (*api.Job, error)
}

// Config is what a screen is made of. All but Stay, Back and Pipeline is required.
type Config struct {
	Server Server
	// ID is the job's.
	ID string
	// Pipeline is the job's. Without it the steps are in the order of their names.
	Pipeline *api.Pipeline
	Paint    term.Paint
	// Stay keeps the screen up when the job is final.
	Stay bool
	// Back says that leaving leads back to another screen.
	Back bool
	// Send sends the screen a message from any goroutine.
	Send func(tea.Msg)
	Now  func() time.Time
}

// Ended is the message of a screen that is to be left.
type Ended struct{ Interrupted bool }

// Model is the screen. It is used from one goroutine at a time.
type Model struct {
	cfg           Config
	ctx           context.Context
	tracker       *watch.Tracker
	steps         map[string]api.PipelineStep
	width, height int
	frame         int

	job     *api.Job
	reasons []api.Reason
	stale   bool // job and reasons are of an older state than the picture
	asking  bool
	tail    []string
	// lost is why nothing new is heard, and lostAt since when.
	lost   error
	lostAt time.Time
	gone   bool // for good

	selected int // 0 is the job, and then the steps
	dialog   dialog
	note     string
	noteBad  bool
}

// tailLength is how many lines of what happened are kept.
const tailLength = 500

// New returns a screen that follows its job until ctx ends.
func New(ctx context.Context, cfg Config) *Model {
	m := &Model{cfg: cfg, ctx: ctx, width: 80, height: 24, steps: map[string]api.PipelineStep{}, stale: true}
	var order []string
	if cfg.Pipeline != nil {
		for _, s := range cfg.Pipeline.Steps {
			order = append(order, s.ID)
			m.steps[s.ID] = s
		}
	}
	m.tracker = watch.New(order)
	return m
}

// Init begins to follow the job, and to beat.
func (m *Model) Init() tea.Cmd { return tea.Batch(m.Start(), screen.NextTick()) }

// Start begins to follow the job, for another screen that beats already.
func (m *Model) Start() tea.Cmd { return tea.Batch(m.follow, m.refresh()) }

// Resize tells the size of the window.
func (m *Model) Resize(width, height int) { m.width, m.height = width, height }

// State is where the job stands as far as the screen knows, and empty before it does.
func (m *Model) State() events.JobState { return m.tracker.View().Job.State }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.Resize(msg.Width, msg.Height)
	case screen.Tick:
		m.frame++
		return m, tea.Batch(screen.NextTick(), m.refresh())
	case tea.KeyMsg:
		return m, m.press(msg)
	case heard:
		if msg.of == m {
			return m, m.hear(msg)
		}
	case known:
		if msg.of == m {
			m.learn(msg)
		}
	case offered:
		if msg.of == m {
			m.offer(msg)
		}
	case done:
		if msg.of == m {
			m.asking, m.note, m.noteBad, m.stale = false, msg.text, msg.err != nil, true
		}
	}
	return m, nil
}

// leave asks to be left.
func leave(interrupted bool) tea.Cmd {
	return func() tea.Msg { return Ended{interrupted} }
}
