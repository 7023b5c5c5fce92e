package breaker

import (
	"context"
	"slices"
)

// maxCallers bounds how many callers a circuit remembers.
const maxCallers = 64

type callerKey struct{}

// WithCaller returns a context whose calls are those of name: of the stage or the part
// of a program that needs the dependency. A circuit remembers the first 64 names that
// called, also those that it refused; see [Status]. Without a name, calls are nobody's.
func WithCaller(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callerKey{}, name)
}

// meet remembers who calls. Of somebody new who does not find the circuit closed,
// observers are told: it is news to them that he has to wait.
func (c *circuit) meet(ctx context.Context) {
	name, _ := ctx.Value(callerKey{}).(string)
	if name == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := slices.BinarySearch(c.callers, name)
	if known || len(c.callers) >= maxCallers {
		return
	}
	c.callers = slices.Insert(slices.Clone(c.callers), at, name) // others may hold the old ones
	if c.state != Closed {
		c.tell(c.state)
	}
}
