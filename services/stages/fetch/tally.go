package fetch

import (
	"sync"

	"github.com/millrace/millrace/pkg/stage"
)

// tally counts what an attempt moves. What was thrown away stays counted, and is
// added to what there is to do, so that no count ever goes back.
type tally struct {
	task *stage.Task

	mu sync.Mutex // held while reporting, so that reports never go backwards
	// moved is what was fetched, secure what of it need not be fetched again
	// after a save, dropped what had to be.
	moved, secure, dropped int64
	// sizes are those of the sources, -1 while unknown; known is their sum.
	sizes   []int64
	known   int64
	unknown int
}

func newTally(t *stage.Task, sources []wanted) *tally {
	c := &tally{task: t, sizes: make([]int64, len(sources)), unknown: len(sources)}
	for i, w := range sources {
		c.sizes[i] = -1
		switch {
		case w.Digest != "":
			c.size(i, 0)
		case w.url == nil:
			c.size(i, int64(len(w.Inline)))
		case w.Size > 0:
			c.size(i, w.Size)
		}
	}
	return c
}

// resume begins where done bytes were secure, of which present are still there.
func (c *tally) resume(done, present int64) {
	if done = max(done, present); done == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved, c.secure, c.dropped = done, done, done-present
	c.task.Progress(c.moved, c.total(), "bytes")
}

// size notes how long a source is.
func (c *tally) size(i int, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.sizes[i]; old >= 0 {
		c.known -= old
	} else {
		c.unknown--
	}
	c.sizes[i] = n
	c.known += n
}

// move counts n bytes, and reports.
func (c *tally) move(n int64, secure bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += n
	if secure {
		c.secure += n
	}
	c.task.Progress(c.moved, c.total(), "bytes")
}

// settle notes that n bytes that were moved are secure now.
func (c *tally) settle(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secure += n
}

// drop notes that n bytes that were moved have to be once more.
func (c *tally) drop(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped += n
}

// offer returns how much is secure of how much.
func (c *tally) offer() (done, total int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.secure, c.total()
}

// total is how much there is to move, or 0 when that is not known.
func (c *tally) total() int64 {
	if c.unknown > 0 {
		return 0
	}
	return c.known + c.dropped
}
