package conductor

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
)

// sample is how old a look at the queue may be.
const sample = 100 * time.Millisecond

// gate lets submissions in while the queue has room. What it does not let in
// stays in the intake, whose own bound the submitters feel: backpressure from
// the slowest stage to the door, without memory that grows in between.
type gate struct {
	broker Broker
	limit  uint64

	mu     sync.Mutex
	looked time.Time
	open   bool
}

// admit says how many submissions to take, of as many as there are free slots.
func (g *gate) admit(ctx context.Context, free int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.looked) > sample {
		n, err := g.broker.Depth(ctx, events.StreamQueue)
		g.open, g.looked = err == nil && n < g.limit, time.Now()
	}
	if g.open {
		return free
	}
	return 0
}
