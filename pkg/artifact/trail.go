package artifact

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// renewAfter is how long a writer that is marked relies on what it stored before
// it stores a place that names it. A sweep spares blobs for so much longer than a
// day.
const renewAfter = 15 * time.Minute

// trail is the places that a writer has stored as blobs, each of which names the
// one before.
type trail struct {
	mu    sync.Mutex
	stops []stop
	// since is a time after which everything was written that the next state
	// speaks of, apart from what a stored place names.
	since time.Time
}

// stop is a stored place.
type stop struct {
	name sum
	// count is the chunks up to there, of which it names those from first on, and
	// end where they end.
	first, count, end int64
}

// before returns the last stop with at most n chunks, and zero when there is
// none.
func (t *trail) before(n int64) stop {
	for _, s := range slices.Backward(t.stops) {
		if s.count <= n {
			return s
		}
	}
	return stop{}
}

// state returns the state of m, whose content is durable. It first stores places
// until the state is small enough, and names nothing that a sweep may take soon.
func (t *trail) state(ctx context.Context, m *Mark) (State, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := int64(len(m.chunks))
	for fit(m, t.last(), stateRoom) < n {
		p := t.further(m)
		p.size, p.tail, p.middle = p.end(), sum{}, middle{}
		if err := t.store(ctx, m.s, p); err != nil {
			return nil, err
		}
	}
	p := m.place(t.before(n), n)
	if m.size > 0 && m.at.Sub(t.since) > renewAfter {
		if err := t.store(ctx, m.s, p); err != nil {
			return nil, err
		}
		t.since = m.at
		p = m.place(t.before(n), n)
	}
	return p.state()
}

// last is the latest stop, or zero.
func (t *trail) last() stop {
	if len(t.stops) == 0 {
		return stop{}
	}
	return t.stops[len(t.stops)-1]
}

// further returns a place of m beyond the last stop. It takes in what that stop
// names while there is room, so that the way to the start has few stops.
func (t *trail) further(m *Mark) *place {
	last := t.last()
	from := t.before(last.first)
	n := fit(m, from, placeRoom)
	if n <= last.count {
		from, n = last, fit(m, last, placeRoom)
	}
	return m.place(from, n)
}

// fit returns how many chunks of m a place can name with that much room, and with
// those up to a stop: at least one more, if there is one.
func fit(m *Mark, from stop, room int64) int64 {
	n, end := from.count, from.end
	for ; n < int64(len(m.chunks)); n++ {
		to := m.chunks[n].end
		room -= extentSize + sha256.Size*(to/m.s.sizes.block-end/m.s.sizes.block)
		if room < 0 {
			break
		}
		end = to
	}
	return n
}

// place returns the place of m, as if it had only n chunks, after a stop.
func (m *Mark) place(from stop, n int64) *place {
	z := m.s.sizes
	p := &place{
		block: z.block, chunk: z.chunk, size: m.size, at: m.at.Unix(), tail: m.tail, middle: m.middle,
		first: from.count, base: from.end, before: from.name, chunks: m.chunks[from.count:n],
	}
	p.states = m.states[from.end/z.block : p.end()/z.block]
	return p
}

// store makes p durable, and a stop when it names chunks.
func (t *trail) store(ctx context.Context, s *Store, p *place) error {
	b := p.encode()
	d := sum(sha256.Sum256(b))
	if err := s.store(ctx, placeName(d), b); err != nil {
		return s.fail(ctx, "write a place", err)
	}
	if p.count() > t.last().count {
		t.stops = append(t.stops, stop{name: d, first: p.first, count: p.count(), end: p.end()})
	}
	return nil
}

// readPlace returns the stored place with that name.
func (s *Store) readPlace(ctx context.Context, d sum) (*place, error) {
	const doing = "read a place"
	r, size, err := s.d.Read(ctx, placeName(d), 0, maxPlace+1)
	if err != nil {
		return nil, s.fail(ctx, doing, err)
	}
	defer r.Close()
	if size > maxPlace {
		return nil, fault.New(fault.ArtifactCorrupt, doing, errors.New("place is too long"))
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, s.readFault(ctx, doing, err)
	}
	if sha256.Sum256(b) != d {
		return nil, fault.New(fault.ArtifactCorrupt, doing, errors.New("place has another name"))
	}
	p, err := decodePlace(b)
	if err != nil {
		return nil, fault.New(fault.ArtifactCorrupt, doing, err)
	}
	return p, nil
}

// walk returns the places that p builds on, and p, in order.
func (s *Store) walk(ctx context.Context, p *place) ([]*place, error) {
	way := []*place{p}
	for p.first > 0 {
		earlier, err := s.readPlace(ctx, p.before)
		if err != nil {
			return nil, err
		}
		if earlier.count() != p.first || earlier.end() != p.base || len(earlier.chunks) == 0 ||
			earlier.chunk != p.chunk || earlier.block != p.block {
			return nil, fault.New(fault.ArtifactCorrupt, "read a place",
				errors.New("place is not the one before"))
		}
		p = earlier
		way = append(way, p)
	}
	slices.Reverse(way)
	return way, nil
}
