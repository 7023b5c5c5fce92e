package operator

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
)

// stale is how long a word about a dependency counts that nobody repeats: workers
// repeat it every minute while a circuit is open.
const stale = 3 * time.Minute

// circuit is how the workers stand to a dependency.
type circuit int

const (
	circuitClosed circuit = iota
	// circuitProbing lets single calls through.
	circuitProbing
	circuitOpen
)

// board is what the workers say of dependencies. It is safe for concurrent use.
type board struct {
	mu    sync.Mutex
	words map[string]map[string]word // by dependency and key
}

// word is what one worker says. What it says of times is told by its own clock, so
// only their distance counts.
type word struct {
	state   events.BreakerState
	opens   time.Time // when an open circuit lets a call through, by our clock
	expires time.Time
}

func newBoard() *board { return &board{words: make(map[string]map[string]word)} }

// circuit returns the worst that anybody says of a dependency.
func (b *board) circuit(dependency string) circuit {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, worst := time.Now(), circuitClosed
	for key, w := range b.words[dependency] {
		switch {
		case now.After(w.expires):
			delete(b.words[dependency], key)
		case w.state == events.BreakerOpen && now.Before(w.opens):
			worst = circuitOpen
		case w.state != events.BreakerClosed:
			worst = max(worst, circuitProbing)
		}
	}
	return worst
}

// hear notes an entry of the bucket.
func (b *board) hear(e *bus.Entry) {
	var said events.Breaker
	if e == nil || e.Deleted || json.Unmarshal(e.Value, &said) != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	by := b.words[said.Dependency]
	if by == nil {
		by = make(map[string]word)
		b.words[said.Dependency] = by
	}
	now := time.Now()
	w := word{state: said.State, opens: now.Add(stale), expires: now.Add(stale)}
	if !said.Until.IsZero() {
		w.opens = now.Add(said.Until.Sub(said.Time))
	}
	by[e.Key] = w
}

// watch listens to the workers until ctx ends.
func (b *board) watch(ctx context.Context, c *bus.Conn) error {
	kv, err := c.KV(ctx, events.BucketBreakers)
	if err != nil {
		return err
	}
	return kv.Watch(ctx, ">", func(e *bus.Entry) error {
		b.hear(e)
		return nil
	})
}
