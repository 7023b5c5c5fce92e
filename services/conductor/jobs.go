package conductor

import (
	"container/list"
	"sync"

	"github.com/millrace/millrace/events"
)

// jobKey names a job.
type jobKey struct{ tenant, job string }

// entry is what this process knows of a job. Its mutex is held while an input
// is applied, so that the inputs of one job are applied one after another and
// those of different jobs at once.
type entry struct {
	mu sync.Mutex
	// known is false when the newest record must be read before anything else.
	known bool
	// sequence is the stream sequence of the newest record, 0 for none: the fence.
	sequence uint64
	revision uint64
	job      events.Job

	key   jobKey
	users int           // goroutines that hold or wait for mu
	place *list.Element // in the order of use, while users is 0
}

// jobCache holds the entries of jobs in use, and of the most recently used ones.
type jobCache struct {
	mu   sync.Mutex
	max  int
	jobs map[jobKey]*entry
	idle *list.List // of *entry, the least recently used first
}

func newJobCache(limit int) *jobCache {
	return &jobCache{max: limit, jobs: make(map[jobKey]*entry), idle: list.New()}
}

// lock returns the job's entry, locked. The caller calls unlock.
func (c *jobCache) lock(k jobKey) *entry {
	c.mu.Lock()
	e, ok := c.jobs[k]
	if !ok {
		e = &entry{key: k}
		c.jobs[k] = e
	}
	if e.place != nil {
		c.idle.Remove(e.place)
		e.place = nil
	}
	e.users++
	c.mu.Unlock()
	e.mu.Lock()
	return e
}

// unlock gives an entry back. An entry with keep false is forgotten when nobody
// else waits for it.
func (c *jobCache) unlock(e *entry, keep bool) {
	if !keep {
		e.known = false
	}
	e.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	e.users--
	if e.users > 0 {
		return
	}
	if !keep {
		delete(c.jobs, e.key)
		return
	}
	e.place = c.idle.PushBack(e)
	for c.idle.Len() > c.max {
		oldest := c.idle.Remove(c.idle.Front()).(*entry)
		delete(c.jobs, oldest.key)
	}
}

// forget drops every entry that is not in use: what they say may be out of date.
func (c *jobCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.idle.Len() > 0 {
		e := c.idle.Remove(c.idle.Front()).(*entry)
		delete(c.jobs, e.key)
	}
}
