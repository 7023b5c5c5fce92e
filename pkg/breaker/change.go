package breaker

import (
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Change is a circuit that came to another state, or that was met by another caller
// while it was not closed; then From is To.
type Change struct {
	Dependency string
	From, To   State
	// Time is when it came to the state To.
	Time time.Time
	// Until is when an open circuit lets a call through; otherwise it is zero.
	Until time.Time
	// Failures counts the calls that failed since the last success.
	Failures int
	// Reason is the code of the last call that failed. Empty means none.
	Reason fault.Code
	// Callers are those of [WithCaller] that have called, sorted. Nobody changes them.
	Callers []string
}

// Observe has fn told of every change of a circuit from now on, like the OnChange
// of the options. It returns when fn is known; stop takes it out again, and may be
// called more than once. fn may be running when stop returns.
func (r *Registry) Observe(fn func(Change)) (stop func()) { return r.changes.observe(fn) }

// changes are on their way to those who are told of them. Circuits add to them
// under locks; whoever used a circuit delivers them when it holds none.
type changes struct {
	mu        sync.Mutex
	observers []*observer
	waiting   []Change
	telling   bool
}

type observer struct{ tell func(Change) }

func (ch *changes) observe(fn func(Change)) (stop func()) {
	o := &observer{fn}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.observers = append(ch.observers, o)
	return func() {
		ch.mu.Lock()
		defer ch.mu.Unlock()
		if i := slices.Index(ch.observers, o); i >= 0 {
			ch.observers = slices.Delete(slices.Clone(ch.observers), i, i+1)
		}
	}
}

func (ch *changes) add(c Change) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if len(ch.observers) > 0 {
		ch.waiting = append(ch.waiting, c)
	}
}

// flush delivers what is waiting, in order. While somebody delivers, others
// leave theirs to him, so that one may use the registry when told.
func (ch *changes) flush() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.telling {
		return
	}
	ch.telling = true
	defer func() { ch.telling = false }()
	for len(ch.waiting) > 0 {
		c := ch.waiting[0]
		ch.waiting = ch.waiting[1:]
		ch.deliver(c, ch.observers)
	}
}

// deliver gives the lock up meanwhile.
func (ch *changes) deliver(c Change, to []*observer) {
	ch.mu.Unlock()
	defer ch.mu.Lock()
	for _, o := range to {
		o.tell(c)
	}
}
