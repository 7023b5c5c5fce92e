// Package projector folds the log of all jobs into a view that can be searched: which
// jobs there are, newest first, and where each of them stands.
//
// The view lives in memory and holds the newest jobs, 100,000 unless configured. It
// is rebuilt from the log at the start, in the order of the log, so it never has to
// be saved, migrated or repaired. It reads only the headers of the records that
// changed a job's state; whatever else a page shows is read from the log when the
// page is asked for.
package projector

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// Pauses before the log is read again after trouble.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
)

// Config is what a projector is made of. Bus is required.
type Config struct {
	Bus *bus.Conn
	// Jobs is how many jobs the view holds. Zero means 100,000.
	Jobs int
	// Log takes what a person may ask about. Nil discards it.
	Log *slog.Logger
}

// Projector keeps the view. It is safe for concurrent use; its methods may be called
// before, while and after it runs.
type Projector struct {
	bus *bus.Conn
	log *slog.Logger

	mu   sync.RWMutex
	view *view

	synced   chan struct{}
	syncOnce sync.Once
	target   uint64 // the last record when Run began
}

// New returns a projector with an empty view. Fault: mill.bad_config.
func New(c Config) (*Projector, error) {
	if c.Bus == nil {
		return nil, fault.New(fault.MillBadConfig, "projector: bus is required", nil)
	}
	if c.Jobs <= 0 {
		c.Jobs = 100_000
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Projector{
		bus: c.Bus, log: c.Log, view: newView(c.Jobs), synced: make(chan struct{}),
	}, nil
}

// stateChanges matches the records that moved a job to another state.
var stateChanges = events.EventSubject("*", "*", "*", events.KindJob)

// Run reads the log until ctx ends, and returns its error then. It may be called
// once.
func (p *Projector) Run(ctx context.Context) error {
	pause := firstPause
	for {
		err := p.aim(ctx)
		if err == nil {
			before := p.seen()
			err = p.follow(ctx)
			if p.seen() > before {
				pause = firstPause
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.log.Warn("the log cannot be read", "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, longPause)
	}
}

// aim finds out how far the log reaches, so that it is known when the view is whole.
func (p *Projector) aim(ctx context.Context) error {
	target, err := p.newest(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
	p.settle()
	return nil
}

func (p *Projector) follow(ctx context.Context) error {
	return p.bus.Scan(ctx, bus.Scan{
		Stream: events.StreamEvents, Filters: []string{stateChanges}, From: p.seen() + 1,
		HeadersOnly: true, Follow: true,
	}, func(m *bus.Message) error {
		p.fold(m)
		return nil
	})
}

// fold puts one record into the view.
func (p *Projector) fold(m *bus.Message) {
	tokens, ok := events.Tokens(m.Subject, "events", 4)
	revision, err := strconv.ParseUint(m.Header[events.HeaderRevision], 10, 64)
	p.mu.Lock()
	if ok && err == nil {
		p.view.fold(change{
			key: key{tokens[0], tokens[2]}, pipeline: tokens[1],
			state:    events.JobState(m.Header[events.HeaderState]),
			revision: revision, sequence: m.Sequence,
		})
	}
	p.view.sequence = m.Sequence
	p.mu.Unlock()
	p.settle()
}

// settle notes that the view has reached what was there when Run began.
func (p *Projector) settle() {
	p.mu.RLock()
	reached := p.view.sequence >= p.target
	p.mu.RUnlock()
	if reached {
		p.syncOnce.Do(func() { close(p.synced) })
	}
}

// Synced is closed when the view holds everything that was in the log when Run
// began.
func (p *Projector) Synced() <-chan struct{} { return p.synced }

// Lag returns how far the view is behind the log, in sequences of the stream: 0 when
// it is not. Faults: those of the bus.
func (p *Projector) Lag(ctx context.Context) (uint64, error) {
	newest, err := p.newest(ctx)
	if err != nil {
		return 0, err
	}
	return newest - min(newest, p.seen()), nil
}

// newest returns the sequence of the last record that the view must hold.
func (p *Projector) newest(ctx context.Context) (uint64, error) {
	m, err := p.bus.Last(ctx, events.StreamEvents, stateChanges)
	if fault.Has(err, fault.BusNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return m.Sequence, nil
}

func (p *Projector) seen() uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.view.sequence
}

// Counts returns how many jobs of a tenant that the view holds are in each state.
func (p *Projector) Counts(tenant string) map[events.JobState]int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.view.count(tenant)
}
