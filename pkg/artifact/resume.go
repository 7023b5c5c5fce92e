package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// State is where a writer was: with what the store holds, enough to go on
// writing. It is JSON of about 4 KiB, whatever the size of the content, and
// means nothing to anybody but [Store.Resume].
type State = json.RawMessage

// freshPlace is how old a place may be so that no sweep, whatever the clock of its
// machine, takes yet what it names.
const freshPlace = defaultGrace - time.Hour

// Size is how many bytes were written so far, counting those of a resumed
// writer's state.
func (w *Writer) Size() int64 { return w.size }

// Ended reports whether the writer was committed or aborted.
func (w *Writer) Ended() bool { return w.done }

// Resume returns a writer that goes on where the state was taken: [Writer.Size]
// tells where that is. What it commits is the same as if it had never been
// interrupted. Nil options mean the zero PutOptions. A state may be resumed any
// number of times, also by several writers at once.
//
// Faults: artifact.bad_state for what is no state, or of a store with another
// chunk size; artifact.not_found and artifact.corrupt when what the state speaks
// of is gone or damaged: the content must then be written from the start;
// artifact.too_large and submit.bad_name for the options.
func (s *Store) Resume(ctx context.Context, st State, o *PutOptions) (*Writer, error) {
	w := s.Create(ctx, o)
	if w.err != nil {
		return nil, w.err
	}
	p, err := readState(st, s.sizes)
	if err != nil {
		return nil, fault.New(fault.ArtifactBadState, "resume a writer", err)
	}
	if w.o.Limit > 0 && p.size > w.o.Limit {
		return nil, fault.New(fault.ArtifactTooLarge, "limit of "+byteCount(w.o.Limit), nil)
	}
	if p.size == 0 {
		return w, nil
	}
	way, err := s.walk(ctx, p)
	if err == nil {
		err = w.restart(p, way)
	}
	if err == nil {
		err = w.refill(p)
	}
	if err != nil {
		w.Abort()
		return nil, err
	}
	return w, nil
}

// restart gives the writer the chunks up to p, at the end of the way.
func (w *Writer) restart(p *place, way []*place) error {
	from := &progress{middle: p.middle}
	for _, q := range way {
		from.chunks = append(from.chunks, q.chunks...)
		from.states = append(from.states, q.states...)
	}
	for i, q := range way[1:] {
		w.trail.stops = append(w.trail.stops, stop{name: q.before, first: way[i].first, count: q.first, end: q.base})
	}
	if err := w.claim(p); err != nil || len(from.chunks) == 0 {
		return err
	}
	err := w.s.checkChunks(w.ctx, from.chunks)
	if err != nil {
		return err
	}
	if w.pipe, err = newPipeline(w.ctx, w.s, from); err == nil {
		w.size = w.pipe.size
	}
	return err
}

// claim makes sure that no sweep, not even one that has begun, takes from now on
// what p names; the tail is stored again anyway. The place is stored, so that a
// later sweep finds it. One that does not has either kept the place before, or has
// removed that before it looked: so this is looked for afterwards. What p names
// itself has been written, or named, lately, unless p is old.
func (w *Writer) claim(p *place) error {
	if err := w.trail.store(w.ctx, w.s, p); err != nil {
		return err
	}
	w.trail.since = time.Now()
	if p.first > 0 {
		if _, err := w.s.d.Stat(w.ctx, placeName(p.before)); err != nil {
			return w.s.fail(w.ctx, "look for a place", err)
		}
	}
	if time.Since(time.Unix(p.at, 0)) < freshPlace {
		return nil
	}
	begin := p.base
	for _, c := range p.chunks {
		if err := w.s.renewChunk(w.ctx, c.digest, c.end-begin); err != nil {
			return err
		}
		begin = c.end
	}
	return nil
}

// refill writes the bytes beyond the last chunk again.
func (w *Writer) refill(p *place) error {
	size := p.tailSize()
	if size == 0 {
		return nil
	}
	doing := "read chunk " + p.tail.String()
	r, stored, err := w.s.d.Read(w.ctx, chunkName(p.tail), 0, size)
	if err != nil {
		return w.s.fail(w.ctx, doing, err)
	}
	defer r.Close()
	if stored != size {
		return fault.New(fault.ArtifactCorrupt, doing, errors.New("it has another size"))
	}
	h := sha256.New()
	n, err := w.ReadFrom(io.TeeReader(r, h))
	switch {
	case err != nil:
		return w.s.fail(w.ctx, doing, err)
	case n != size || sumOf(h) != p.tail:
		return fault.New(fault.ArtifactCorrupt, doing, errors.New("the digest is another"))
	}
	return nil
}
