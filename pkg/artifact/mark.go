package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Mark is a place in the content of a [Writer] that is on its way to be durable.
type Mark struct {
	s     *Store
	trail *trail
	at    time.Time
	size  int64
	err   error  // why there is no such place
	held  []byte // all of the content, when there is no pipeline

	pipe *pipeline
	// hashed is closed when the hash has come by, and passed when the chunks
	// have too.
	hashed, passed chan struct{}
	digest         sum // of the content
	here           middle
	states         []state
	chunks         []extent
	middle         middle // at the end of the last chunk, unless a block ends there
	tail           sum
	flights        []*flight
}

// Mark notes the place after everything written so far, without waiting for it
// to be stored; [Mark.Wait] does that. The writer may be used meanwhile, also
// committed.
//
// A chunk ends at the mark, unless that had less than 256 KiB yet: then these
// bytes are stored for the mark, in a chunk that stays until [Store.Sweep] takes
// it, and once more when the writer goes on. So many marks make many chunks.
func (w *Writer) Mark() *Mark {
	m := &Mark{s: w.s, trail: w.trail, at: time.Now(), size: w.size}
	switch {
	case w.err != nil:
		m.err = w.err
	case w.done:
		m.err = fault.New(fault.InternalBug, "writer was used after its Commit", nil)
	case w.pipe == nil:
		m.held = bytes.Clone(w.buf)
	default:
		m.pipe, m.hashed, m.passed = w.pipe, make(chan struct{}), make(chan struct{})
		if w.err = w.flush(); w.err == nil {
			w.err = w.pipe.put(&piece{mark: m})
		}
		m.err = w.err
	}
	return m
}

// Wait returns when everything before the mark is durable. It may be called by
// another goroutine than the writer's, once. Faults: those of Write, of a store
// that failed, and internal.bug for a writer that was aborted before.
func (m *Mark) Wait(ctx context.Context) (State, error) {
	err := m.err
	switch {
	case err != nil:
	case m.pipe != nil:
		err = m.settle(ctx)
	case m.size > 0:
		m.tail = sha256.Sum256(m.held)
		if err = m.s.store(ctx, chunkName(m.tail), m.held); err != nil {
			err = m.s.fail(ctx, "write chunk "+m.tail.String(), err)
		}
		m.held = nil
	}
	if err != nil {
		return nil, err
	}
	return m.trail.state(ctx, m)
}

// settle waits until the pipeline has made durable what is before the mark.
func (m *Mark) settle(ctx context.Context) error {
	select {
	case <-m.passed:
	case <-ctx.Done():
		return ended(ctx)
	case <-m.pipe.ctx.Done():
		select {
		case <-m.passed:
		default:
			return ended(m.pipe.ctx)
		}
	}
	for _, f := range m.flights {
		select {
		case <-f.landed:
		case <-ctx.Done():
			return ended(ctx)
		}
		if f.err != nil {
			return f.err
		}
	}
	return nil
}
