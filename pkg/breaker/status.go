package breaker

import (
	"cmp"
	"slices"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Status describes a circuit, for people and metrics.
type Status struct {
	Dependency string `json:"dependency"`
	State      State  `json:"state"`
	// Since is when it came to that state.
	Since time.Time `json:"since"`
	// Until is when an open circuit lets a call through; otherwise it is zero.
	Until time.Time `json:"until,omitzero"`
	// Failures counts the calls that failed since the last success.
	Failures int `json:"failures"`
	// Reason is the code of the last call that failed. Empty means none.
	Reason fault.Code `json:"reason,omitempty"`
	// Callers are those of [WithCaller] that have called, sorted. Nobody changes them.
	Callers []string `json:"callers,omitempty"`
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

// Room is what a circuit would do with calls that are made now.
type Room struct {
	State State
	// Probes is how many calls a half-open circuit lets through, and Calls how
	// many it would now. Both are zero in the other states: a closed circuit has
	// no limit, an open one refuses all.
	Probes, Calls int
	// Wait is how long calls will be refused. Of a half-open circuit that has all
	// its probes it is a guess.
	Wait time.Duration
}

// Room returns what the circuit of a dependency would do with calls. One that was
// never used is closed.
func (r *Registry) Room(dependency string) Room {
	r.mu.Lock()
	c := r.circuits[dependency]
	r.mu.Unlock()
	if c == nil {
		return Room{State: Closed}
	}
	defer r.changes.flush()
	return c.room()
}
