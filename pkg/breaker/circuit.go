package breaker

import (
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/millrace/millrace/pkg/fault"
)

// State is where a circuit stands.
type State string

// States of a circuit.
const (
	// Closed lets every call through.
	Closed State = "closed"
	// HalfOpen lets single calls through, to probe the dependency.
	HalfOpen State = "half_open"
	// Open refuses every call.
	Open State = "open"
)

const (
	// probeWait is how long a call waits that is refused because of probes that
	// are running. They end some time; nobody knows when.
	probeWait = time.Second
	// margin is added to what is left of an open circuit, which closes after
	// its time and not with it.
	margin = time.Millisecond
)

var states = map[gobreaker.State]State{
	gobreaker.StateClosed: Closed, gobreaker.StateHalfOpen: HalfOpen, gobreaker.StateOpen: Open,
}

// circuit is the circuit of one dependency. Locks are taken in the order
// registry, gate, circuit, changes.
type circuit struct {
	name    string
	gate    *gobreaker.TwoStepCircuitBreaker[struct{}]
	changes *changes
	open    time.Duration
	probes  uint32
	used    uint64 // under the lock of the registry

	mu        sync.Mutex
	state     State
	since     time.Time
	failures  int // in a row
	forgotten bool
}

func newCircuit(name string, o Options, ch *changes) *circuit {
	c := &circuit{
		name: name, changes: ch, open: o.Open, probes: uint32(o.Probes),
		state: Closed, since: time.Now(),
	}
	c.gate = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        name,
		MaxRequests: c.probes,
		Timeout:     o.Open,
		ReadyToTrip: func(n gobreaker.Counts) bool {
			return int(n.ConsecutiveFailures) >= o.Failures
		},
		IsExcluded:    func(err error) bool { return errors.Is(err, errNeutral) },
		OnStateChange: c.changed,
	})
	return c
}

// changed runs under the lock of the gate, so it asks the gate nothing and tells
// nobody: it leaves the change for whoever used the gate.
func (c *circuit) changed(_ string, from, to gobreaker.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(states[from], states[to])
}

// forget is called when the registry forgets the circuit. Calls that are running
// end as ever, but tell nobody of it.
func (c *circuit) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != Closed {
		c.move(c.state, Closed)
	}
	c.forgotten = true
}

// move records a change. The caller holds mu.
func (c *circuit) move(from, to State) {
	if c.forgotten {
		return
	}
	c.state, c.since = to, time.Now()
	c.changes.add(Change{
		Dependency: c.name, From: from, To: to, Time: c.since, Failures: c.failures,
	})
}

// note counts a verdict.
func (c *circuit) note(v verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch v {
	case success:
		c.failures = 0
	case failure:
		c.failures++
	}
}

// wait returns how long calls will be refused.
func (c *circuit) wait() time.Duration {
	switch c.gate.State() {
	case gobreaker.StateOpen:
		c.mu.Lock()
		defer c.mu.Unlock()
		return max(time.Until(c.since.Add(c.open))+margin, margin)
	case gobreaker.StateHalfOpen:
		if n := c.gate.Counts(); n.Requests-n.TotalExclusions >= c.probes {
			return probeWait
		}
	}
	return 0
}

// refusal is the fault of a call that is not let through.
func (c *circuit) refusal() error {
	f := fault.New(fault.BreakerOpen, c.name, nil)
	f.RetryAfter = max(c.wait(), margin)
	return f
}

// status describes the circuit.
func (c *circuit) status() Status {
	wait := c.wait() // first: it may move an open circuit on
	c.mu.Lock()
	defer c.mu.Unlock()
	return Status{
		Dependency: c.name, State: c.state, Since: c.since, Failures: c.failures, RetryAfter: wait,
	}
}
