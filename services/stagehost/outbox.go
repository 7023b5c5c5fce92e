package stagehost

import (
	"iter"
	"maps"
	"sync"

	"github.com/millrace/millrace/events"
)

// outbox is what is still to be said of breakers: the newest word on each
// dependency, however long nobody could be told.
type outbox struct {
	more chan struct{}

	mu    sync.Mutex
	words map[string]events.Breaker
}

func newOutbox() *outbox {
	return &outbox{more: make(chan struct{}, 1), words: make(map[string]events.Breaker)}
}

// add puts a word in the place of an older one. It never blocks.
func (o *outbox) add(b events.Breaker) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.words[b.Dependency] = b
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// all takes out one word after the other.
func (o *outbox) all() iter.Seq[events.Breaker] {
	return func(yield func(events.Breaker) bool) {
		for {
			b, ok := o.take()
			if !ok || !yield(b) {
				return
			}
		}
	}
}

func (o *outbox) take() (b events.Breaker, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b = range maps.All(o.words) {
		delete(o.words, b.Dependency)
		return b, true
	}
	return b, false
}

// back puts a word back that could not be said, unless there is a newer one.
func (o *outbox) back(b events.Breaker) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, newer := o.words[b.Dependency]; !newer {
		o.words[b.Dependency] = b
	}
}
