package bus

import (
	"context"
)

func (c *Conn) tail(ctx context.Context, subject string, fn func(*Message), ready []func()) error {
	stop, err := c.Subscribe(subject, fn)
	if err != nil {
		return err
	}
	defer stop()
	if err := c.nc.FlushWithContext(ctx); err != nil {
		return busFault("tail "+subject, err)
	}
	for _, f := range ready {
		f()
	}
	<-ctx.Done()
	return ctx.Err()
}
