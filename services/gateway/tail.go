package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// tailBuffer is how many events may wait for one reader of the tail. One for whom
// there are more is cut off, and goes on from the log when it comes again.
const tailBuffer = 1024

// tail reads the log of all tenants as it grows, through one consumer, and hands
// each event to all who want it. It reads while somebody does.
type tail struct {
	bus    *bus.Conn
	recent *recent

	mu      sync.Mutex
	readers map[*tailReader]bool
	turn    *tailTurn // nil while nothing is read
	turns   sync.WaitGroup
}

// tailTurn is the time from a first reader to the last one.
type tailTurn struct {
	place uint64 // of the last record read
	stop  context.CancelFunc
}

// tailReader is one who follows the tail.
type tailReader struct {
	tenant string
	filter eventFilter
	// from is the place after which the reader is given every event.
	from uint64
	// events is closed when the reader is cut off, or the tail ends.
	events chan placed
}

func newTail(b *bus.Conn, r *recent) *tail {
	return &tail{bus: b, recent: r, readers: make(map[*tailReader]bool)}
}

// join begins to hand events to a reader, until leave. Faults: those of the bus.
func (t *tail) join(ctx context.Context, tenant string, f eventFilter) (*tailReader, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turn == nil {
		place, err := lastPlace(ctx, t.bus)
		if err != nil {
			return nil, err
		}
		t.begin(place)
	}
	r := &tailReader{tenant: tenant, filter: f, from: t.turn.place, events: make(chan placed, tailBuffer)}
	t.readers[r] = true
	return r, nil
}

// leave ends what join began.
func (t *tail) leave(r *tailReader) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cut(r)
	if len(t.readers) == 0 {
		t.end()
	}
}

// close cuts everybody off and waits until nothing is read any more.
func (t *tail) close() {
	t.mu.Lock()
	t.end()
	t.mu.Unlock()
	t.turns.Wait()
}

// begin reads what comes after a place. The caller holds mu.
func (t *tail) begin(place uint64) {
	ctx, stop := context.WithCancel(context.Background())
	turn := &tailTurn{place: place, stop: stop}
	t.turn = turn
	t.turns.Go(func() {
		// A scan that follows survives everything but the end of the connection, or
		// its own.
		_ = t.bus.Scan(ctx, bus.Scan{Stream: events.StreamEvents, From: place + 1, Follow: true},
			func(m *bus.Message) error { return t.hand(turn, m) })
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.turn == turn {
			t.end()
		}
	})
}

// end ends the turn, and cuts off who is left. The caller holds mu.
func (t *tail) end() {
	if t.turn == nil {
		return
	}
	t.turn.stop()
	t.turn = nil
	for r := range t.readers {
		t.cut(r)
	}
}

// cut lets a reader go. The caller holds mu.
func (t *tail) cut(r *tailReader) {
	if t.readers[r] {
		delete(t.readers, r)
		close(r.events)
	}
}

// hand gives a record to everybody who wants it. What an event says is worked out
// one time for all of them.
func (t *tail) hand(turn *tailTurn, m *bus.Message) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turn != turn {
		return errEnough
	}
	turn.place = m.Sequence
	t.recent.learn(m, time.Now())
	about, ok := aboutRecord(m)
	if !ok {
		return nil
	}
	var e placed
	for r := range t.readers {
		if r.tenant != about.tenant || !r.filter.wants(about) {
			continue
		}
		if e.body == nil {
			var err error
			if e, err = place(m); err != nil {
				return nil // rubbish that somebody published by hand
			}
		}
		select {
		case r.events <- e:
		default:
			t.cut(r)
		}
	}
	return nil
}

// lastPlace is the end of the log. Faults: those of the bus.
func lastPlace(ctx context.Context, b *bus.Conn) (uint64, error) {
	m, err := b.Last(ctx, events.StreamEvents, events.AllEvents)
	if fault.Has(err, fault.BusNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return m.Sequence, nil
}
