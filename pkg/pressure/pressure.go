// Package pressure watches how much room the disks of a mill have. Below a low mark
// nothing new is admitted; below another, stages that write files take no more tasks until
// there is room again. Nothing fails for it: what was accepted waits.
//
// A mark that was passed counts as passed until a quarter more than it is free, so
// that a mill at the mark does not flap.
package pressure

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Level is how little room there is.
type Level int

// The levels.
const (
	// OK means that there is room.
	OK Level = iota
	// Low means that nothing new is admitted.
	Low
	// Parked means that stages that write files take no tasks, too.
	Parked
)

// String returns ok, low or parked.
func (l Level) String() string { return [...]string{"ok", "low", "parked"}[l] }

const (
	defaultEvery = 2 * time.Second
	// retryAfter is when a client that was refused may come again.
	retryAfter = 30 * time.Second
)

// Space is the room of one disk in bytes, as far as this process may use it.
type Space struct{ Free, Total int64 }

// Options say what to watch. Dirs is required.
type Options struct {
	// Dirs are folders on the disks to watch. The worst of them counts.
	Dirs []string
	// Store is the folder that uploads are written to. Empty means that
	// [Watch.Fits] refuses nothing.
	Store string
	// Low and Park are the marks. The zero value of each is none.
	Low, Park Mark
	// Every is how often the disks are looked at. Zero means every 2 seconds.
	Every time.Duration
	// Space returns the room of the disk of a folder. Nil asks the system.
	Space func(dir string) (Space, error)
	// Log takes a line for every change. Nil discards it.
	Log *slog.Logger
}

// Watch knows how much room there is. It is safe for concurrent use.
type Watch struct {
	o Options

	mu     sync.Mutex
	level  Level
	detail string
	roomy  chan struct{} // closed while the level is not Parked
}

// New returns a watch that has looked once. [Watch.Run] goes on looking.
func New(o Options) *Watch {
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Space == nil {
		o.Space = spaceOf
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	w := &Watch{o: o, roomy: make(chan struct{})}
	close(w.roomy)
	w.Look()
	return w
}

// Run looks at the disks from time to time until ctx ends, whose error it returns.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(w.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			w.Look()
		}
	}
}

// Look looks at the disks now. A disk that cannot be looked at does not count: whoever
// writes to it finds out.
func (w *Watch) Look() {
	level, detail := OK, ""
	before, _ := w.State()
	for _, dir := range w.o.Dirs {
		s, err := w.o.Space(dir)
		if err != nil {
			w.o.Log.Debug("the room on a disk is not known", "folder", dir, "error", err)
			continue
		}
		l := OK
		switch {
		case w.o.Park.passed(s, before >= Parked):
			l = Parked
		case w.o.Low.passed(s, before >= Low):
			l = Low
		}
		if l > level {
			level, detail = l, fmt.Sprintf("%d MiB of %d MiB are free", s.Free>>20, s.Total>>20)
		}
	}
	w.set(level, detail)
}

func (w *Watch) set(level Level, detail string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.detail = detail
	if level == w.level {
		return
	}
	switch {
	case level == OK:
		w.o.Log.Info("there is room on the disks again")
	case level == Parked:
		w.o.Log.Warn("stages that write files rest until there is room on the disk", "detail", detail)
	default:
		w.o.Log.Warn("nothing new is admitted until there is room on the disk", "detail", detail)
	}
	switch {
	case level == Parked:
		w.roomy = make(chan struct{})
	case w.level == Parked:
		close(w.roomy)
	}
	w.level = level
}

// State returns the level, and what was found while it is not OK.
func (w *Watch) State() (Level, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.level, w.detail
}

// Spaces returns the room of each disk that is watched now, by its folder. A disk that
// cannot be looked at is left out.
func (w *Watch) Spaces() map[string]Space {
	all := make(map[string]Space, len(w.o.Dirs))
	for _, dir := range w.o.Dirs {
		if s, err := w.o.Space(dir); err == nil {
			all[dir] = s
		}
	}
	return all
}

// Admit refuses something new while there is little room. Fault: disk.low, which says
// when to come again.
func (w *Watch) Admit() error {
	level, _ := w.State()
	if level == OK {
		return nil
	}
	return &fault.Error{Code: fault.DiskLow, RetryAfter: retryAfter}
}

// Fits refuses something of a size in bytes that would leave less room on the disk of
// the store than the marks want, which is kept for what was accepted. A size of 0 or
// less is not known, and fits. Fault: disk.no_room, which says when to come again.
func (w *Watch) Fits(size int64) error {
	if size <= 0 || w.o.Store == "" {
		return nil
	}
	s, err := w.o.Space(w.o.Store)
	if err != nil || s.Total <= 0 {
		return nil // whoever writes to it finds out
	}
	if size <= s.Free-max(w.o.Low.Of(s.Total), w.o.Park.Of(s.Total)) {
		return nil
	}
	return &fault.Error{Code: fault.DiskNoRoom, RetryAfter: retryAfter}
}

// Await blocks while stages are parked. It returns the error of ctx when that ends
// first.
func (w *Watch) Await(ctx context.Context) error {
	w.mu.Lock()
	roomy := w.roomy
	w.mu.Unlock()
	select {
	case <-roomy:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
