package bus

import (
	"context"
	"math/rand/v2"
	"time"
)

// pause is a wait that grows while it is needed often.
type pause struct {
	next time.Duration
	last time.Time
}

const (
	pauseMin = 50 * time.Millisecond
	pauseMax = 5 * time.Second
	// pauseForget is how long all must have been well for the next wait to be
	// none again.
	pauseForget = 10 * time.Second
)

func newPause() pause { return pause{} }

// wait returns at once the first time, then after a growing while, or with the
// error of ctx.
func (p *pause) wait(ctx context.Context) error {
	now := time.Now()
	if now.Sub(p.last) > pauseForget {
		p.next = 0
	}
	d := p.next
	p.next = min(max(2*p.next, pauseMin), pauseMax)
	if d == 0 {
		p.last = now
		return ctx.Err()
	}
	err := sleep(ctx, d)
	p.last = time.Now()
	return err
}

// sleep waits for d or until ctx ends, whose error it then returns.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pauses before a message is delivered again.
const (
	retryMin = 100 * time.Millisecond
	retryMax = 30 * time.Second
)

// retryDelay is how long a message rests after its n-th failure, n from 1: it
// doubles from 100 ms to 30 s and is spread over half of that, so that messages
// that failed together do not come back together.
func retryDelay(n int) time.Duration {
	d := min(retryMin<<min(max(n-1, 0), 20), retryMax)
	return d/2 + rand.N(d/2+1)
}
