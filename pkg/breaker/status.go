package breaker

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Status describes a circuit, for people and metrics.
type Status struct {
	Dependency string `json:"dependency"`
	State      State  `json:"state"`
	// Since is when it came to that state.
	Since time.Time `json:"since"`
	// Failures counts the calls that failed since the last success.
	Failures int `json:"failures"`
	// RetryAfter is how long calls will be refused; zero when one would be let
	// through now.
	RetryAfter time.Duration `json:"retry_after"`
}

// Statuses returns the state of every circuit, by name.
func (r *Registry) Statuses() []Status {
	defer r.changes.flush()
	r.mu.Lock()
	circuits := make([]*circuit, 0, len(r.circuits))
	for _, c := range r.circuits {
		circuits = append(circuits, c)
	}
	r.mu.Unlock()
	all := make([]Status, 0, len(circuits))
	for _, c := range circuits {
		all = append(all, c.status())
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Dependency, b.Dependency) })
	return all
}

// Change is a circuit that came to another state.
type Change struct {
	Dependency string
	From, To   State
	Time       time.Time
	// Failures counts the calls that failed since the last success.
	Failures int
}

// changes are on their way to the one who is told of them. Circuits add to them
// under locks; whoever used a circuit delivers them when it holds none.
type changes struct {
	tell func(Change)

	mu      sync.Mutex
	waiting []Change
	telling bool
}

func (ch *changes) add(c Change) {
	if ch.tell == nil {
		return
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.waiting = append(ch.waiting, c)
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
		ch.deliver(c)
	}
}

// deliver gives the lock up meanwhile.
func (ch *changes) deliver(c Change) {
	ch.mu.Unlock()
	defer ch.mu.Lock()
	ch.tell(c)
}
