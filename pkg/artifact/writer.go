package artifact

import (
	"context"
	"crypto/sha256"
	"io"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Writer takes new content. It ends with Commit or Abort, one of which must be
// called. It is used by one goroutine.
//
// Content of up to 256 KiB is kept in memory until Commit. Beyond that, two
// goroutines hash and store what was written while the caller goes on; they end
// with Commit, Abort or the context.
type Writer struct {
	ctx  context.Context
	s    *Store
	o    PutOptions
	buf  []byte
	sent int // how much of buf was handed to the pipe already, because of a mark
	size int64
	pipe *pipeline // nil while everything is in buf
	// trail is what was stored so that the writer can be resumed.
	trail *trail
	// err is what every further call returns; file is what Commit returned.
	err  error
	done bool
	file events.File
}

// Create returns a writer of new content. Nil options mean the zero
// PutOptions. A bad option, a closed store or an ended context shows in the
// first call of the writer. The content belongs to ctx: when that ends before
// Commit, writing fails.
func (s *Store) Create(ctx context.Context, o *PutOptions) *Writer {
	w := &Writer{ctx: ctx, s: s, trail: &trail{since: time.Now()}}
	if o != nil {
		w.o = *o
	}
	if w.err = s.usable(ctx); w.err == nil && w.o.Name != "" {
		w.err = CheckName(w.o.Name)
	}
	return w
}

// Write appends p to the content. Faults: artifact.too_large, and
// submit.bad_name for the name in the options.
func (w *Writer) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		room, err := w.room()
		if err != nil {
			return n, err
		}
		c := copy(room, p[n:])
		n += c
		if err := w.advance(c); err != nil {
			return n, err
		}
	}
	return n, nil
}

// ReadFrom appends what r yields until its end. An error of r is returned as it
// is, and the writer may go on; other faults are those of Write.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	total := int64(0)
	for empty := 0; ; {
		room, err := w.room()
		if err != nil {
			return total, err
		}
		n, err := r.Read(room)
		total += int64(n)
		if fail := w.advance(n); fail != nil {
			return total, fail
		}
		switch {
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		case n > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				return total, io.ErrNoProgress
			}
		}
	}
}

// Commit makes the content durable and returns its file. Calling it again
// returns the same. After an error nothing was stored under the digest of the
// content. Faults: those of Write.
func (w *Writer) Commit() (events.File, error) {
	if w.done {
		return w.file, w.err
	}
	if w.err == nil {
		w.err = ended(w.ctx)
	}
	if w.err != nil {
		err := w.err
		w.Abort()
		return events.File{}, err
	}
	w.done = true
	d, err := w.finish()
	w.release()
	if err != nil {
		w.err = err
		return events.File{}, err
	}
	w.file = events.File{
		Name: w.o.Name, Digest: d.String(), Size: w.size, MediaType: w.o.MediaType,
	}
	return w.file, nil
}

// Abort drops the content. Chunks that were stored stay until [Store.Sweep]
// finds them unused. After Commit or Abort it does nothing.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	w.done = true
	if w.err == nil {
		w.err = fault.New(fault.InternalBug, "writer was used after its Abort", nil)
	}
	if w.pipe != nil {
		w.pipe.abort(w.err)
	}
	w.release()
}

// finish stores what is left and returns the digest of the content.
func (w *Writer) finish() (sum, error) {
	if w.pipe != nil {
		return w.pipe.finish(w.buf[w.sent:])
	}
	d := sum(sha256.Sum256(w.buf))
	if err := w.s.store(w.ctx, contentName(d), w.buf); err != nil {
		return d, w.s.fail(w.ctx, "write "+d.String(), err)
	}
	return d, nil
}

// room returns the free end of the buffer, at least one byte. It grows the
// buffer or hands it on when it is full.
func (w *Writer) room() ([]byte, error) {
	switch {
	case w.err != nil:
		return nil, w.err
	case w.done:
		return nil, fault.New(fault.InternalBug, "writer was used after its Commit", nil)
	case len(w.buf) < cap(w.buf):
	case w.buf == nil && w.pipe == nil:
		w.buf = w.s.buffers.get(1)[:0]
	case w.buf == nil:
		w.buf = w.s.buffers.get(w.s.sizes.piece)[:0]
	default:
		if w.err = w.spill(); w.err != nil {
			return nil, w.err
		}
	}
	return w.buf[len(w.buf):cap(w.buf)], nil
}

// spill makes room when the buffer is full: the first time by a larger buffer,
// then by handing it to the pipe.
func (w *Writer) spill() error {
	if err := ended(w.ctx); err != nil {
		return err
	}
	if int64(cap(w.buf)) < w.s.sizes.piece {
		grown := append(w.s.buffers.get(w.s.sizes.piece)[:0], w.buf...)
		w.s.buffers.put(w.buf)
		w.buf = grown
		return nil
	}
	if w.pipe == nil {
		var err error
		if w.pipe, err = newPipeline(w.ctx, w.s, &progress{}); err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.buf = w.s.buffers.get(w.s.sizes.piece)[:0]
	return nil
}

// flush hands to the pipe what is in the buffer. A buffer that is full goes with
// it; of another the rest is used later, so that pieces end where blocks do.
func (w *Writer) flush() error {
	pc := &piece{data: w.buf[w.sent:]}
	if len(pc.data) == 0 {
		return nil
	}
	w.sent = len(w.buf)
	if len(w.buf) == cap(w.buf) {
		pc.buffer = w.buf
		w.buf, w.sent = nil, 0
	}
	return w.pipe.put(pc)
}

// advance counts n bytes that were put into the room.
func (w *Writer) advance(n int) error {
	w.buf = w.buf[:len(w.buf)+n]
	w.size += int64(n)
	if w.o.Limit > 0 && w.size > w.o.Limit {
		w.err = fault.New(fault.ArtifactTooLarge, "limit of "+byteCount(w.o.Limit), nil)
	}
	return w.err
}

// release gives the buffer back.
func (w *Writer) release() {
	w.s.buffers.put(w.buf)
	w.buf, w.sent = nil, 0
}
