package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// Bounds of the pause between two tries.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 2 * time.Second
)

// backoff makes the pauses between tries longer and longer. Its zero value is at
// the beginning.
type backoff struct{ next time.Duration }

// wait waits for a random part of the pause, and at least as long as the server
// asked. It returns false when ctx ended first.
func (b *backoff) wait(ctx context.Context, atLeast time.Duration) bool {
	b.next = max(firstPause, min(2*b.next, longPause))
	pause := max(b.next/2+rand.N(b.next/2), atLeast)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reset goes back to the beginning, after a success.
func (b *backoff) reset() { b.next = 0 }
