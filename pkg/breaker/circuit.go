package breaker

import (
	"context"
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
	set     Settings
	gate    *gobreaker.TwoStepCircuitBreaker[struct{}]
	changes *changes
	used    uint64 // under the lock of the registry

	mu        sync.Mutex
	state     State
	since     time.Time
	failures  int // in a row
	reason    fault.Code
	callers   []string // sorted; replaced, never changed
	forgotten bool
}

func newCircuit(name string, set Settings, ch *changes) *circuit {
	c := &circuit{name: name, set: set, changes: ch, state: Closed, since: time.Now()}
	c.gate = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:          name,
		MaxRequests:   uint32(set.Probes),
		Interval:      set.Window,
		BucketPeriod:  set.Window / 6,
		Timeout:       set.Open,
		ReadyToTrip:   c.trips,
		IsExcluded:    func(err error) bool { return errors.Is(err, errNeutral) },
		OnStateChange: c.changed,
	})
	return c
}

// trips reports whether a failure opens the circuit. Failures in a row are
// counted here: with a window, those of the gate age.
func (c *circuit) trips(n gobreaker.Counts) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures >= c.set.Failures {
		return true
	}
	known := n.TotalFailures + n.TotalSuccesses
	return c.set.Share > 0 && int(known) >= c.set.Least &&
		float64(n.TotalFailures) >= c.set.Share*float64(known)
}

// bound returns the context of a call.
func (c *circuit) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.set.Timeout < 0 {
		return context.WithCancel(ctx)
	}
	return c.limit(ctx, c.set.Timeout)
}

// boundProbe returns a context that ends when a call is a probe no longer, and with
// the call at the latest.
func (c *circuit) boundProbe(call context.Context) (context.Context, context.CancelFunc) {
	if c.gate.State() != gobreaker.StateHalfOpen {
		return context.WithCancel(call)
	}
	return c.limit(call, c.set.Probe)
}

func (c *circuit) limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d,
		fault.New(fault.BreakerTimeout, c.name+" within "+d.String(), nil))
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
	c.tell(from)
}

// tell has observers told where the circuit stands. The caller holds mu.
func (c *circuit) tell(from State) {
	c.changes.add(Change{
		Dependency: c.name, From: from, To: c.state, Time: c.since, Until: c.until(),
		Failures: c.failures, Reason: c.reason, Callers: c.callers,
	})
}

// until is when an open circuit will let a call through. The caller holds mu.
func (c *circuit) until() time.Time {
	if c.state != Open {
		return time.Time{}
	}
	return c.since.Add(c.set.Open + margin)
}

// note counts a verdict. A failure has a reason.
func (c *circuit) note(v verdict, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch v {
	case success:
		c.failures = 0
	case failure:
		c.failures++
		c.reason = fault.From(why).Code
	}
}

// wait returns how long calls will be refused.
func (c *circuit) wait() time.Duration {
	r := c.room()
	if r.Calls > 0 || r.State == Closed {
		return 0
	}
	return r.Wait
}

// room says how many calls would be let through.
func (c *circuit) room() Room {
	switch c.gate.State() {
	case gobreaker.StateOpen:
		c.mu.Lock()
		defer c.mu.Unlock()
		return Room{State: Open, Wait: max(time.Until(c.until()), margin)}
	case gobreaker.StateHalfOpen:
		r := Room{State: HalfOpen, Probes: c.set.Probes, Calls: c.set.Probes}
		n := c.gate.Counts()
		if r.Calls -= int(n.Requests - n.TotalExclusions); r.Calls <= 0 {
			r.Calls, r.Wait = 0, probeWait
		}
		return r
	}
	return Room{State: Closed}
}

// refusal is the fault of a call that is not let through.
func (c *circuit) refusal() error {
	f := fault.New(fault.BreakerOpen, c.name, nil)
	f.RetryAfter, f.Dependency = max(c.wait(), margin), c.name
	return f
}

// status describes the circuit.
func (c *circuit) status() Status {
	wait := c.wait() // first: it may move an open circuit on
	c.mu.Lock()
	defer c.mu.Unlock()
	return Status{
		Dependency: c.name, State: c.state, Since: c.since, Until: c.until(),
		Failures: c.failures, Reason: c.reason, Callers: c.callers, RetryAfter: wait,
	}
}
