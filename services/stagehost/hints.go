package stagehost

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// Shared is where workers tell each other what they make of dependencies. [bus.KV]
// provides it, on the bucket of breakers.
type Shared interface {
	Put(ctx context.Context, key string, value []byte) (uint64, error)
	Listen(ctx context.Context, pattern string, fn func(*bus.Entry) error) error
}

const (
	// repeatEvery is how often an open circuit is said to be open.
	repeatEvery = time.Minute
	// shareAgain is how long to wait after the others could not be told.
	shareAgain = time.Second
	// mostStages is how many stages a word names at most.
	mostStages = 64
)

// hints is what the other workers say of dependencies. It decides nothing: their
// trouble may be their own.
type hints struct {
	mu    sync.Mutex
	until map[string]map[string]time.Time // by dependency and worker
}

// open reports whether another worker has the circuit of a dependency open.
func (h *hints) open(dependency string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for worker, until := range h.until[dependency] {
		if now.Before(until) {
			return true
		}
		delete(h.until[dependency], worker)
	}
	delete(h.until, dependency)
	return false
}

// note takes down what another worker says. What it says of times is told by its
// own clock, so only their distance counts; age is how old the word may be.
func (h *hints) note(b events.Breaker, age time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := b.Until.Sub(b.Time) - age
	if b.State != events.BreakerOpen || left <= 0 {
		delete(h.until[b.Dependency], b.Worker)
		return
	}
	if h.until[b.Dependency] == nil {
		h.until[b.Dependency] = make(map[string]time.Time)
	}
	h.until[b.Dependency][b.Worker] = time.Now().Add(left)
}

// ShareBreakers tells the other workers what this one makes of dependencies, and
// listens to them, until ctx ends. It returns nil then. A broker that cannot be
// reached is tried again. Without breakers, or a place to share them, there is
// nothing to do but wait. It is called once.
func (h *Host) ShareBreakers(ctx context.Context) error {
	if h.Breakers == nil || h.Shared == nil {
		<-ctx.Done()
		return nil
	}
	changes := newOutbox()
	defer h.Breakers.Observe(func(c breaker.Change) {
		if c.From != c.To {
			h.Log.Info("breaker changed", "dependency", c.Dependency, "from", c.From, "to", c.To,
				"failures", c.Failures, "reason", c.Reason, "until", c.Until)
		}
		changes.add(h.word(breaker.Status{
			Dependency: c.Dependency, State: c.To, Since: c.Time, Until: c.Until,
			Failures: c.Failures, Reason: c.Reason, Callers: c.Callers,
		}))
	})()
	var both sync.WaitGroup
	both.Go(func() { h.listen(ctx) })
	h.tell(ctx, changes)
	both.Wait()
	return nil
}

// word is what is said of a circuit.
func (h *Host) word(s breaker.Status) events.Breaker {
	b := events.Breaker{
		Worker: h.Worker, Dependency: fault.Clip(s.Dependency, 255), State: events.BreakerState(s.State),
		Since: whole(s.Since), Failures: s.Failures, Reason: string(s.Reason), Stages: h.concerned(s),
	}
	if !s.Until.IsZero() {
		b.Until = whole(s.Until)
	}
	return b
}

// concerned are the stages whose attempts have called a dependency here, and those whose
// every task needs it: these may be waiting for it without a call.
func (h *Host) concerned(s breaker.Status) []string {
	names := slices.DeleteFunc(slices.Clone(s.Callers), func(name string) bool { return h.byName[name] == nil })
	for name, g := range h.gates {
		if g != nil && slices.Contains(g.needs, s.Dependency) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), mostStages)]
}

// tell sends what is in the outbox, and what stays open once in a while.
func (h *Host) tell(ctx context.Context, changes *outbox) {
	repeat := time.NewTicker(repeatEvery)
	defer repeat.Stop()
	for {
		var again <-chan time.Time
		if !h.send(ctx, changes) {
			again = time.After(shareAgain)
		}
		select {
		case <-ctx.Done():
			return
		case <-changes.more:
		case <-again:
		case <-repeat.C:
			for _, s := range h.Breakers.Statuses() {
				if s.State == breaker.Open {
					changes.add(h.word(s))
				}
			}
		}
	}
}

// send empties the outbox, and reports whether it is empty.
func (h *Host) send(ctx context.Context, changes *outbox) bool {
	for b := range changes.all() {
		b.Time = whole(time.Now())
		data, err := json.Marshal(b)
		if err == nil {
			_, err = h.Shared.Put(ctx, events.BreakerKey(b.Worker, b.Dependency), data)
		}
		if err != nil {
			h.Log.Debug("breaker not shared", "dependency", b.Dependency, "error", err)
			changes.back(b)
			return false
		}
	}
	return true
}

// listen takes down what the others say.
func (h *Host) listen(ctx context.Context) {
	for ctx.Err() == nil {
		live := false
		err := h.Shared.Listen(ctx, ">", func(e *bus.Entry) error {
			if e == nil {
				live = true
				return nil
			}
			h.hear(e, live)
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		h.Log.Warn("breakers of others not heard", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(shareAgain):
		}
	}
}

// hear takes down one word. One that is not live was said some time ago.
func (h *Host) hear(e *bus.Entry, live bool) {
	var b events.Breaker
	if e.Deleted || json.Unmarshal(e.Value, &b) != nil || b.Worker == h.Worker || b.Worker == "" {
		return
	}
	age := time.Duration(0)
	if !live {
		age = max(time.Since(b.Time), 0)
	}
	h.hints.note(b, age)
	h.changed(b.Dependency)
}

// changed wakes the gates that a dependency keeps shut.
func (h *Host) changed(dependency string) {
	for _, g := range h.gates {
		if g != nil {
			g.changed(dependency)
		}
	}
}
