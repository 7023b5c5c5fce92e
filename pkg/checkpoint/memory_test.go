package checkpoint

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/pkg/fault"
)

func TestMemoryKeepsTheNewest(t *testing.T) {
	t.Parallel()
	m := NewMemory()
	_, err := m.Last(t.Context(), rigKey)
	wantFault(t, err, fault.CheckpointNone)
	kept, err := m.Kept(t.Context(), rigKey)
	must(t, err)
	same(t, 0, len(kept))

	after := uint64(0)
	for i := range 8 {
		at, err := m.Append(t.Context(), rigKey, after, []byte(strconv.Itoa(i)))
		must(t, err)
		if at <= after {
			t.Fatalf("position %d after %d", at, after)
		}
		after = at
	}
	kept, err = m.Kept(t.Context(), rigKey)
	must(t, err)
	var texts string
	for _, e := range kept {
		texts += string(e.Data)
		e.Data[0] = 'x' // it is a copy
	}
	same(t, "34567", texts)
	last, err := m.Last(t.Context(), rigKey)
	must(t, err)
	same(t, Entry{Position: after, Data: []byte("7")}, last)
}

func TestMemoryFences(t *testing.T) {
	t.Parallel()
	m := NewMemory()
	at, err := m.Append(t.Context(), rigKey, 0, []byte("a"))
	must(t, err)
	for _, after := range []uint64{0, at - 1, at + 1} {
		_, err = m.Append(t.Context(), rigKey, after, []byte("b"))
		wantFault(t, err, fault.CheckpointOvertaken)
	}
	other := rigKey
	other.Effect = "e"
	_, err = m.Append(t.Context(), other, 0, []byte("c"))
	must(t, err)
	put := m.Put(rigKey, []byte("d"))
	_, err = m.Append(t.Context(), rigKey, at, []byte("e"))
	wantFault(t, err, fault.CheckpointOvertaken)
	_, err = m.Append(t.Context(), rigKey, put, []byte("f"))
	must(t, err)
}

func TestMemoryEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fault.New(fault.StageDraining, "", nil))
	m := NewMemory()
	_, err := m.Append(ctx, rigKey, 0, nil)
	wantFault(t, err, fault.StageDraining)
	_, err = m.Last(ctx, rigKey)
	wantFault(t, err, fault.StageDraining)
	_, err = m.Kept(ctx, rigKey)
	wantFault(t, err, fault.StageDraining)
}

// TestMemoryRace lets several writers fight for each place: one gets it.
func TestMemoryRace(t *testing.T) {
	t.Parallel()
	m := NewMemory()
	after := uint64(0)
	for range 50 {
		var won, lost atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := m.Append(context.Background(), rigKey, after, []byte("x"))
				switch {
				case err == nil:
					won.Add(1)
				case fault.Has(err, fault.CheckpointOvertaken):
					lost.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != 7 {
			t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
		}
		last, err := m.Last(t.Context(), rigKey)
		must(t, err)
		after = last.Position
	}
}
