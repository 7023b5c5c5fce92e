package registry

import (
	"container/list"
	"sync"

	"github.com/millrace/millrace/pkg/pipeline"
)

// cache holds the compiled versions that were used last.
type cache struct {
	mu    sync.Mutex
	limit int
	order *list.List // of *cached, the one used last in front
	byKey map[string]*list.Element
}

type cached struct {
	key string
	def *pipeline.Definition
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), byKey: make(map[string]*list.Element)}
}

func (c *cache) get(key string) (*pipeline.Definition, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).def, true
}

func (c *cache) put(key string, def *pipeline.Definition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.order.MoveToFront(e)
		return
	}
	c.byKey[key] = c.order.PushFront(&cached{key, def})
	if c.order.Len() > c.limit {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.byKey, last.Value.(*cached).key)
	}
}
