package projector

import (
	"context"
	"sync"

	"github.com/millrace/millrace/pkg/bus"
)

// Bounds of a batch.
const (
	batchRecords = 1000
	batchBytes   = 4 << 20
)

// queue holds the messages of the next batch while the one before is written. It is
// bounded: whoever reads the log waits for room.
type queue struct {
	more, room chan struct{}

	mu    sync.Mutex
	list  []*bus.Message
	bytes int
}

func newQueue() *queue {
	return &queue{more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds a message when there is room.
func (q *queue) put(ctx context.Context, m *bus.Message) error {
	for !q.add(m) {
		select {
		case <-q.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	wake(q.more)
	return nil
}

func (q *queue) add(m *bus.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) > 0 && (len(q.list) >= batchRecords || q.bytes+len(m.Data) > batchBytes) {
		return false
	}
	q.list = append(q.list, m)
	q.bytes += len(m.Data)
	return true
}

// take returns all messages.
func (q *queue) take() []*bus.Message {
	q.mu.Lock()
	list := q.list
	q.list, q.bytes = nil, 0
	q.mu.Unlock()
	wake(q.room)
	return list
}
