package stagehost

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/stage"
)

const (
	// askLives is how long a task may still come that was asked for: as long as the
	// bus waits for one, and a little more.
	askLives = 1100 * time.Millisecond
	// lookAgain is how long the gate of a stage waits at most before it looks
	// again by itself.
	lookAgain = time.Second
)

// gate lets tasks of a stage in, as far as the dependencies that all of them need
// would be called: none while the circuit of one is open, as many at once as there
// are probes while it is half open, and one at once when another worker says that
// it is open. The tasks that are not let in stay with the broker, for whoever can
// do them.
//
// A stage has one gate for its work and its undos.
type gate struct {
	needs    []string
	breakers *breaker.Registry
	hints    *hints

	mu   sync.Mutex
	wake chan struct{} // closed, and made anew, when there may be room
	// seen is what was known of the needs when last looked; asked are the times
	// at which tasks were asked for since, and running those that have begun
	// since and not ended.
	seen    []view
	asked   []time.Time
	running int
	turn    int // counts the changes of seen
}

// view is what is known of one dependency.
type view struct {
	state  breaker.State
	hinted bool
}

// newGate returns the gate of a stage, or nil for one whose tasks need nothing that
// has a breaker.
func newGate(versions []stage.Stage, b *breaker.Registry, h *hints) *gate {
	g := &gate{breakers: b, hints: h, wake: make(chan struct{})}
	for _, s := range versions {
		for _, name := range s.Spec().Needs {
			if !slices.Contains(g.needs, name) {
				g.needs = append(g.needs, name)
			}
		}
	}
	if len(g.needs) == 0 || b == nil {
		return nil
	}
	return g
}

// admit returns how many of free tasks may be asked for, at least one. It blocks
// until there is room, and returns 0 when ctx has ended.
func (g *gate) admit(ctx context.Context, free int) int {
	for {
		n, wait, wake := g.room(free)
		if n > 0 {
			return n
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return 0
		}
	}
}

// room returns how many of free tasks may be asked for now, and counts them as
// asked for. When it returns none, it is worth to look again after wait, or when
// wake is closed.
func (g *gate) room(free int) (n int, wait time.Duration, wake <-chan struct{}) {
	limit, most, wait, views := g.look()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Equal(views, g.seen) {
		g.seen, g.asked, g.running = views, nil, 0
		g.turn++
	}
	if limit == math.MaxInt {
		return free, 0, g.wake
	}
	now := time.Now()
	g.asked = slices.DeleteFunc(g.asked, func(at time.Time) bool { return now.Sub(at) > askLives })
	n = max(min(free, most, limit-g.running-len(g.asked)), 0)
	for range n {
		g.asked = append(g.asked, now)
	}
	if len(g.asked) > 0 {
		wait = min(wait, askLives-now.Sub(g.asked[0])+time.Millisecond)
	}
	return n, wait, g.wake
}

// look asks the breakers how many tasks may be under way at once, how many of them
// would come through to a dependency now, and when to ask again if that is too few.
func (g *gate) look() (limit, most int, wait time.Duration, views []view) {
	limit, most, wait = math.MaxInt, math.MaxInt, lookAgain
	for _, name := range g.needs {
		r, v := g.breakers.Room(name), view{}
		v.state = r.State
		switch {
		case r.State == breaker.Open:
			limit, wait = 0, max(min(r.Wait, lookAgain), time.Millisecond)
		case r.State == breaker.HalfOpen:
			limit, most = min(limit, r.Probes), min(most, r.Calls)
		case g.hints.open(name):
			limit, v.hinted = min(limit, 1), true
		}
		views = append(views, v)
	}
	return limit, most, wait, views
}

// enter counts a task that has come. It is called when the task begins, and leave
// when it has ended.
func (g *gate) enter() (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	turn := g.turn
	g.running++
	if len(g.asked) > 0 {
		g.asked = g.asked[1:]
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.turn == turn {
			g.running--
		}
		g.nudge()
	}
}

// changed is told of the changes of breakers and hints.
func (g *gate) changed(dependency string) {
	if !slices.Contains(g.needs, dependency) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nudge()
}

// nudge wakes who waits for room. The caller holds mu.
func (g *gate) nudge() {
	close(g.wake)
	g.wake = make(chan struct{})
}
