package conductor

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
)

// sample is how old a look at the queue may be.
const sample = 100 * time.Millisecond

// gate lets submissions in while the queue has room for their work. What it does not
// let in stays in the intake, whose own bound the submitters feel: backpressure from
// the slowest stage to the door, without memory that grows in between. Timers wait in
// the queue as well, and no stage works on them: they have a bound of their own, so
// that many steps in backoff do not keep new jobs out, nor fill the broker.
type gate struct {
	broker        Broker
	limit, timers uint64

	mu     sync.Mutex
	looked time.Time
	open   bool
}

// admit says how many submissions to take, of as many as there are free slots.
func (g *gate) admit(ctx context.Context, free int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.looked) > sample {
		g.open, g.looked = g.room(ctx), time.Now()
	}
	if g.open {
		return free
	}
	return 0
}

// room reports whether the queue has room. How many timers it holds is asked only when
// that matters.
func (g *gate) room(ctx context.Context) bool {
	n, err := g.broker.Depth(ctx, events.StreamQueue)
	if err != nil || n < min(g.limit, g.timers) {
		return err == nil
	}
	timers, err := g.broker.Pending(ctx, events.StreamQueue, events.ConsumerTimers)
	return err == nil && timers < g.timers && n-min(n, timers) < g.limit
}
