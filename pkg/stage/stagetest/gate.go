package stagetest

import (
	"errors"
	"sync"
)

// errDead is what a process that was killed gets from everything outside it.
var errDead = errors.New("this process was killed")

// gate stands between one process and what outlives it: the store and the log. It
// counts the calls, and kills the process or holds it at any of them. One call
// goes through at a time, so that a process dies between two calls and never
// within one.
type gate struct {
	inputs map[string]bool // blobs that hold the inputs; set before the start

	mu     sync.Mutex
	thaw   *sync.Cond
	dead   bool
	frozen bool
	count  map[string]int
	calls  []point // that were begun, in order
	// stop is where halt is called, with mu held.
	stop *point
	halt func()
	// moved and read are bytes: of everything, and of inputs that were read. trip
	// is called when moved reaches tripAt.
	moved, read int64
	tripAt      int64
	trip        func()
}

func newGate(inputs map[string]bool) *gate {
	g := &gate{inputs: inputs, count: map[string]int{}}
	g.thaw = sync.NewCond(&g.mu)
	return g
}

// killAt makes the process die at p; stop ends its context.
func (g *gate) killAt(p point, stop func()) {
	g.stop, g.halt = &p, func() {
		g.dead = true
		stop()
	}
}

// holdAt stops the process at p, until release; held is closed then.
func (g *gate) holdAt(p point, held chan<- struct{}) {
	g.stop, g.halt = &p, func() {
		g.frozen = true
		close(held)
	}
}

// release lets a process go on that is held, or will be.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stop, g.frozen = nil, false
	g.thaw.Broadcast()
}

// tripwire calls trip when at bytes have moved.
func (g *gate) tripwire(at int64, trip func()) { g.tripAt, g.trip = at, trip }

// do makes one call, unless the process is dead.
func (g *gate) do(verb, note string, call func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.alive() {
		return errDead
	}
	g.count[verb]++
	here := point{verb: verb, n: g.count[verb], note: note}
	g.calls = append(g.calls, here)
	if !g.pass(here) {
		return errDead
	}
	err := call()
	here.after = true
	if !g.pass(here) {
		return errDead
	}
	return err
}

// alive waits until the process is not held, and reports whether it lives. The
// caller holds mu.
func (g *gate) alive() bool {
	for g.frozen {
		g.thaw.Wait()
	}
	return !g.dead
}

// pass is a place between two calls. The caller holds mu.
func (g *gate) pass(here point) bool {
	if g.stop != nil && g.stop.same(here) {
		g.stop = nil
		g.halt()
	}
	return g.alive()
}

// bytes counts n bytes on their way to or from the store, and reports whether the
// process lives.
func (g *gate) bytes(n int, input bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.alive() {
		return false
	}
	g.moved += int64(n)
	if input {
		g.read += int64(n)
	}
	if g.trip != nil && g.moved >= g.tripAt {
		g.trip()
		g.trip = nil
	}
	return true
}

// saves returns how many places were saved.
func (g *gate) saves() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, p := range g.calls {
		if p.verb == verbAppend && p.note == noteSave {
			n++
		}
	}
	return n
}
