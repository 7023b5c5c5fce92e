// Package breaker keeps a failing dependency from being asked again and again:
// after some failures in a row its circuit opens, calls are refused at once, and
// after a while single calls probe whether it is back.
//
// There is one circuit per dependency and process, made when it is first asked
// for. Processes do not share circuits: the trouble of one with a dependency is
// often its own.
//
// The class of an error tells what it says of the dependency; see [Registry.Do].
package breaker

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/millrace/millrace/pkg/fault"
)

// Registry holds the circuits of one process. It is safe for concurrent use, has
// no goroutine, and needs no closing.
type Registry struct {
	o       Options
	changes changes

	mu       sync.Mutex
	circuits map[string]*circuit
	uses     uint64 // counts the calls, as the clock of the circuits' use
}

// New returns a registry without circuits.
func New(o Options) *Registry {
	o.Limit = cmp.Or(max(o.Limit, 0), 1024)
	r := &Registry{o: o, circuits: map[string]*circuit{}}
	if o.OnChange != nil {
		r.Observe(o.OnChange)
	}
	return r
}

// Do calls fn, unless the circuit of the dependency refuses. The name says what
// is called, for example "http:example.org", and holds no secret. fn runs in the
// goroutine of the caller; its context ends after the Timeout of the settings.
// A call that is over its time counts as failed from then on, also when fn does
// not return.
//
// What fn returns counts by its class: transient, timeout, dependency_down,
// unclassified and unknown_effect are failures of the dependency; nil and
// data_quality, schema_mismatch, policy, auth, conflict and poison are answers,
// so successes; cancelled, rate_limited, resource and bug say nothing of the
// dependency, no more than a panic or the refusal of another circuit. When ctx
// ends meanwhile, the call counts as failed if its time was over, and otherwise
// not at all.
//
// Faults: breaker.open with RetryAfter when the circuit refuses, before fn is
// called; breaker.timeout when fn returns an error that is no fault, after its
// time. Any other error of fn is returned as it is, and with the name of the
// dependency for [fault.DependencyOf], as those are.
func (r *Registry) Do(
	ctx context.Context, dependency string, fn func(ctx context.Context) error,
) error {
	if ctx.Err() != nil {
		return fault.From(context.Cause(ctx))
	}
	c := r.circuit(dependency)
	defer r.changes.flush()
	c.meet(ctx)
	report, err := c.gate.Allow()
	r.changes.flush() // before fn, which may take its time
	if err != nil {
		return c.refusal()
	}
	var once sync.Once
	finish := func(v verdict, why error) {
		once.Do(func() {
			c.note(v, why)
			report(v.err())
		})
	}
	defer finish(neutral, nil) // of a panic

	call, cancel := c.bound(ctx)
	defer cancel()
	counted, uncount := c.boundProbe(call)
	defer uncount()
	reported := make(chan struct{})
	stop := context.AfterFunc(counted, func() {
		defer close(reported)
		why := context.Cause(counted)
		finish(judge(ctx, why), why)
		r.changes.flush()
	})
	defer func() {
		if !stop() {
			<-reported
		}
	}()
	err = fn(call)
	finish(judge(ctx, err), err)
	return blame(ctx, dependency, late(ctx, call, err))
}

// blame names the dependency in what fn returned, unless the caller gave up.
func blame(ctx context.Context, dependency string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return fault.Blame(err, dependency)
}

// late makes a fault of an error that is none and that came after the time of
// the call.
func late(ctx, call context.Context, err error) error {
	if err == nil || call.Err() == nil || ctx.Err() != nil || errors.As(err, new(*fault.Error)) {
		return err
	}
	f := fault.From(context.Cause(call))
	return fault.New(f.Code, f.Detail, err)
}

// RetryAfter returns how long calls of the dependency will be refused: zero when
// one would be let through now. It is for consumers that need the dependency for
// every message, to stop pulling instead of refusing one by one.
func (r *Registry) RetryAfter(dependency string) time.Duration {
	r.mu.Lock()
	c := r.circuits[dependency]
	r.mu.Unlock()
	if c == nil {
		return 0
	}
	defer r.changes.flush()
	return c.wait()
}

// circuit returns the circuit of the dependency, and makes it at first.
func (r *Registry) circuit(dependency string) *circuit {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.uses++
	c := r.circuits[dependency]
	if c == nil {
		if len(r.circuits) >= r.o.Limit {
			r.forgetOne()
		}
		c = newCircuit(dependency, r.o.of(dependency), &r.changes)
		r.circuits[dependency] = c
	}
	c.used = r.uses
	return c
}

// forgetOne removes the circuit that was not used for longest, a closed one if
// there is one. The caller holds mu.
func (r *Registry) forgetOne() {
	var oldest *circuit
	closed := false
	for _, c := range r.circuits {
		isClosed := c.gate.State() == gobreaker.StateClosed
		if oldest == nil || isClosed && !closed || isClosed == closed && c.used < oldest.used {
			oldest, closed = c, isClosed
		}
	}
	delete(r.circuits, oldest.name)
	oldest.forget()
}
