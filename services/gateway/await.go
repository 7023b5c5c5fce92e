package gateway

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
)

// Pauses between two looks at a job.
const (
	// recheck finds what a lost signal did not announce.
	recheck = 2 * time.Second
	// catchUp is for a replica that does not have yet what was announced.
	catchUp = 20 * time.Millisecond
)

// followerPatience is how long a request waits for its turn to wait.
const followerPatience = time.Second

// awaitJob reads a job's newest record until it is what is wanted, the wait is over
// or the gateway closes, and returns the one read last; nil with an error when
// there was none. The subscription comes before the first look, so no change is
// missed. Faults: job.not_found, http.too_busy, those of the bus.
func (g *Gateway) awaitJob(
	ctx context.Context, tenant, job string, wait time.Duration, wanted func(*bus.Message) bool,
) (*bus.Message, error) {
	if !events.ValidToken(job) {
		return nil, noJob(job)
	}
	release, err := g.followers.take(ctx, followerPatience)
	if err != nil {
		return nil, err
	}
	defer release()
	var announced atomic.Uint64
	changed := make(chan struct{}, 1)
	stop, err := g.Bus.Subscribe(events.LiveOf(tenant, job), func(m *bus.Message) {
		announced.Store(revisionOf(m))
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return nil, err
	}
	defer stop()
	over := time.NewTimer(wait)
	defer over.Stop()
	again := time.NewTimer(recheck)
	defer again.Stop()
	for {
		m, err := g.lastRecord(ctx, tenant, job)
		if err != nil || wanted(m) {
			return m, err
		}
		if announced.Load() > revisionOf(m) {
			again.Reset(catchUp)
		} else {
			again.Reset(recheck)
		}
		select {
		case <-changed:
		case <-again.C:
		case <-over.C:
			return m, nil
		case <-g.closing:
			return m, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
