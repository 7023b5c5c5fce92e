package checkpoint

import (
	"bytes"
	"context"
	"sync"

	"github.com/millrace/millrace/pkg/fault"
)

// memoryKept is how many records a [Memory] keeps under a key, as the broker does.
const memoryKept = 5

// Memory is a log in memory, for tests and simulations: what it holds ends with
// the process. It keeps the newest 5 records under each key.
type Memory struct {
	mu   sync.Mutex
	last uint64
	kept map[Key][]Entry
}

var _ Log = (*Memory)(nil)

// NewMemory returns an empty log.
func NewMemory() *Memory { return &Memory{kept: make(map[Key][]Entry)} }

// Append stores a record behind the newest one; see [Log]. It never waits. Faults:
// checkpoint.overtaken, and the cause of ctx when that has ended.
func (m *Memory) Append(ctx context.Context, k Key, after uint64, data []byte) (uint64, error) {
	if ctx.Err() != nil {
		return 0, fault.From(context.Cause(ctx))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	newest := uint64(0)
	if list := m.kept[k]; len(list) > 0 {
		newest = list[len(list)-1].Position
	}
	if newest != after {
		return 0, fault.New(fault.CheckpointOvertaken, "step "+k.Step, nil)
	}
	return m.put(k, data), nil
}

// Put stores a record behind whatever is there, as a conductor does with that of
// [Closing], and returns its position.
func (m *Memory) Put(k Key, data []byte) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.put(k, data)
}

func (m *Memory) put(k Key, data []byte) uint64 {
	m.last++
	list := append(m.kept[k], Entry{Position: m.last, Data: bytes.Clone(data)})
	m.kept[k] = list[max(0, len(list)-memoryKept):]
	return m.last
}

// Last returns the newest record; see [Log]. Faults: checkpoint.none, and the
// cause of ctx when that has ended.
func (m *Memory) Last(ctx context.Context, k Key) (Entry, error) {
	kept, err := m.Kept(ctx, k)
	if err != nil {
		return Entry{}, err
	}
	if len(kept) == 0 {
		return Entry{}, fault.New(fault.CheckpointNone, "step "+k.Step, nil)
	}
	return kept[len(kept)-1], nil
}

// Kept returns copies of the records under a key, oldest first; see [Log]. The
// fault is the cause of ctx when that has ended.
func (m *Memory) Kept(ctx context.Context, k Key) ([]Entry, error) {
	if ctx.Err() != nil {
		return nil, fault.From(context.Cause(ctx))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var kept []Entry
	for _, e := range m.kept[k] {
		kept = append(kept, Entry{Position: e.Position, Data: bytes.Clone(e.Data)})
	}
	return kept, nil
}
