package mill

import (
	"context"
	"time"
)

// sweepEvery is how often the store is rid of chunks that failed writes have left.
const sweepEvery = 24 * time.Hour

// sweep removes what belongs to no artifact, at the start and then once a day.
func (m *Mill) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		swept, err := m.store.Sweep(ctx, 0)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			m.Log.Warn("artifacts not swept", "error", err)
		case swept.Chunks > 0:
			m.Log.Info("artifacts swept", "chunks", swept.Chunks, "bytes", swept.Bytes)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
