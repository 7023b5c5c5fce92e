package telemetry

import "sync"

// other is the label of all names that came after the first ones.
const other = "other"

// bound lets a label have only so many values: the first names that come keep their
// own until the process ends, and all others share one. It is safe for concurrent use.
type bound struct {
	most int

	mu   sync.RWMutex
	seen map[string]struct{}
}

func newBound(most int) *bound { return &bound{most: most, seen: make(map[string]struct{})} }

// of returns the label of a name.
func (b *bound) of(name string) string {
	b.mu.RLock()
	_, known := b.seen[name]
	full := len(b.seen) >= b.most
	b.mu.RUnlock()
	switch {
	case known:
		return name
	case full:
		return other
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.seen[name]; !known && len(b.seen) >= b.most {
		return other
	}
	b.seen[name] = struct{}{}
	return name
}
