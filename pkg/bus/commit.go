package bus

import (
	"context"
)

// Commit stores one fenced message and returns its sequence. When another
// writer was faster the fault is bus.fenced.
// Faults: as for [Conn.Publish].
func (c *Conn) Commit(ctx context.Context, o Out) (uint64, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	return c.publishOne(ctx, o)
}
