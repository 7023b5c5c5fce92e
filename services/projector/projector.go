// Package projector folds the log of all jobs into a view in a database, and answers
// from it: which jobs there are, where each of them stands, and how all of them fare.
//
// The database is the place of a [jobview.Store]. Records are read from the log in
// order and written in batches, each with the place in the log that it leads to, so
// that a crash repeats and never skips. While the database cannot be reached, or the
// disk is full, the view stands still and says so; then it catches up. A view that is
// damaged, or is that of another log, is built again by itself; one that is sound, on
// demand and beside the old one, which serves until then.
//
// Several processes may share a database. Those that share a folder of SQLite have one
// writer, and the rest reads. With PostgreSQL each may write, and the position of the
// view lets one batch of them through.
package projector

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/jobview"
)

// Config is what a projector is made of. Bus and Views are required.
type Config struct {
	Bus *bus.Conn
	// Views is where the view is kept. The owner closes it after Run.
	Views jobview.Store
	// PollEvery is how often it is looked how far the log is, and what other processes
	// have done. Zero means 500 ms.
	PollEvery time.Duration
	// ExpireEvery is how often jobs are removed that the log has forgotten. Zero means
	// a minute.
	ExpireEvery time.Duration
	// Log takes what a person may ask about. Nil discards it.
	Log *slog.Logger
}

// Pauses before another try after trouble.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
)

// startPatience is how long Ready waits for a view that is far behind.
const startPatience = 3 * time.Second

// Projector keeps the view. It is safe for concurrent use; its methods may be called
// before, while and after it runs.
type Projector struct {
	Config

	mu   sync.RWMutex
	view *jobview.View // the one that serves; nil while there is none

	state     state
	synced    chan struct{}
	ready     chan struct{}
	syncOnce  sync.Once
	readyOnce sync.Once
	nudge     chan struct{}
	// doubt is set when the view looked damaged to a reader. condemned is the generation
	// that is damaged, and inspected the one that was not when it was looked at.
	doubt                chan struct{}
	condemned, inspected int64
}

// New returns a projector that does not run yet. Fault: mill.bad_config.
func New(c Config) (*Projector, error) {
	if c.Bus == nil || c.Views == nil {
		return nil, fault.New(fault.MillBadConfig, "projector: bus and views are required", nil)
	}
	if c.PollEvery <= 0 {
		c.PollEvery = 500 * time.Millisecond
	}
	if c.ExpireEvery <= 0 {
		c.ExpireEvery = time.Minute
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Projector{
		Config: c, synced: make(chan struct{}), ready: make(chan struct{}),
		nudge: make(chan struct{}, 1), doubt: make(chan struct{}, 1),
	}
	p.state.moved = make(chan struct{})
	return p, nil
}

// Run keeps the view until ctx ends, and returns its error then. It may be called
// once.
func (p *Projector) Run(ctx context.Context) error {
	patience := time.AfterFunc(startPatience, p.beReady)
	defer patience.Stop()
	defer p.serve(nil)
	pause := firstPause
	for {
		moved := p.state.position()
		err := p.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			continue
		}
		if !fault.Has(err, fault.ViewOvertaken) {
			p.Log.Warn("the view of jobs does not move", "error", err)
			p.state.trouble(err)
			p.beReady()
		}
		if p.state.position() > moved {
			pause = firstPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-p.nudge:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, longPause)
	}
}

// serve makes a view the one that serves, and closes the one before.
func (p *Projector) serve(v *jobview.View) {
	p.mu.Lock()
	old := p.view
	p.view = v
	p.mu.Unlock()
	if old != nil {
		if err := old.Close(); err != nil {
			p.Log.Warn("a view cannot be closed", "error", err)
		}
	}
}

// Synced is closed when the view holds everything that was in the log when Run looked
// first.
func (p *Projector) Synced() <-chan struct{} { return p.synced }

// Ready is closed when the view is synced, or when it is known that this will take
// long.
func (p *Projector) Ready() <-chan struct{} { return p.ready }

func (p *Projector) beReady() { p.readyOnce.Do(func() { close(p.ready) }) }

// settled notes how far the view is.
func (p *Projector) settled() {
	if p.state.reached() {
		p.syncOnce.Do(func() { close(p.synced) })
		p.beReady()
	}
}

// wake makes a session look again.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
