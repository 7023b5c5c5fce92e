package artifact

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/millrace/millrace/pkg/fault"
)

// Reader reads content that it has checked. It is used by one goroutine, which
// closes it. Of content that is read in more than two blocks of 1 MiB, the next
// block is checked by a goroutine of the reader, which ends with Close or the
// context.
type Reader struct {
	ctx    context.Context
	s      *Store
	size   int64
	left   int64  // bytes to hand out, counting those in ready
	skip   int64  // bytes of the next block that were not asked for
	ready  []byte // checked and not handed out yet
	buf    []byte // the buffer that ready lies in
	source source // nil when everything is in ready
	spare  int64  // what buf takes of the store's budget
	err    error  // what every further call returns
}

// source yields checked blocks in order.
type source interface {
	// next returns the next block. It may reuse used, the block before, which
	// is nil the first time.
	next(used []byte) ([]byte, error)
	// close waits for what the source has running.
	close()
}

// Open returns a reader of the content of digest. The content of up to 1 MiB, or
// more when memory is at hand, is checked before Open returns. ctx bounds the
// life of the reader. Faults: artifact.not_found, artifact.corrupt,
// artifact.bad_digest.
func (s *Store) Open(ctx context.Context, digest string) (*Reader, error) {
	return s.open(ctx, digest, 0, -1)
}

// OpenRange returns a reader of length bytes from offset; a negative length
// means up to the end. Only the chunks of the range are opened, except that
// content of one chunk is always read whole, to check it. Faults:
// artifact.bad_range when the range is not within the content, and those of
// Open.
func (s *Store) OpenRange(
	ctx context.Context, digest string, offset, length int64,
) (io.ReadCloser, error) {
	r, err := s.open(ctx, digest, offset, length)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s *Store) open(ctx context.Context, digest string, offset, length int64) (*Reader, error) {
	d, err := s.admit(ctx, digest)
	if err != nil {
		return nil, err
	}
	r := &Reader{ctx: ctx, s: s}
	blob, size, err := s.d.Read(ctx, contentName(d), 0, -1)
	if err == nil {
		defer blob.Close()
		if err = r.cut(digest, size, offset, length); err == nil {
			err = r.openOne(d, blob)
		}
	} else if err = s.fail(ctx, "open "+digest, err); fault.Has(err, fault.ArtifactNotFound) {
		var m *manifest
		if m, err = s.readManifest(ctx, d); err == nil {
			err = r.cut(digest, m.size, offset, length)
		}
		if err == nil {
			r.openBlocks(&layout{manifest: *m, name: m.chunkName}, offset)
		}
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// cut sets the range.
func (r *Reader) cut(digest string, size, offset, length int64) error {
	if offset < 0 || offset > size || length > size-offset {
		return fault.New(fault.ArtifactBadRange, digest+" has "+byteCount(size), nil)
	}
	if length < 0 {
		length = size - offset
	}
	r.size, r.left, r.skip = size, length, offset
	return nil
}

// openOne reads content of one chunk: whole when it is small or memory is at
// hand, otherwise twice, the first time to learn its states.
func (r *Reader) openOne(d sum, blob io.Reader) error {
	doing := "read " + d.String()
	z := r.s.sizes
	if r.size > z.block {
		if r.size > z.chunk || !r.s.spare.take(z.chunk) {
			return r.openTwice(d, blob)
		}
		r.spare = z.chunk
	}
	r.buf = r.s.buffers.get(r.size)[:r.size]
	_, err := io.ReadFull(blob, r.buf)
	switch {
	case err != nil:
		err = r.s.readFault(r.ctx, doing, err)
	case sha256.Sum256(r.buf) != d:
		err = fault.New(fault.ArtifactCorrupt, doing, errors.New("the digest is another"))
	default:
		r.ready = r.buf[r.skip:][:r.left]
		return nil
	}
	r.release()
	return err
}

func (r *Reader) openTwice(d sum, blob io.Reader) error {
	l, err := r.s.learn(r.ctx, d, r.size, blob)
	if err == nil {
		r.openBlocks(l, r.skip)
	}
	return err
}

// openBlocks reads content block by block.
func (r *Reader) openBlocks(l *layout, offset int64) {
	end := offset + r.left
	r.skip = offset % l.block
	b := newBlockReader(r.ctx, r.s, l, offset-r.skip, end)
	r.source = b
	if ceil(end, l.block)-offset/l.block > 2 {
		r.source = newPrefetch(b)
	}
}

// Size returns the size of the content in bytes.
func (r *Reader) Size() int64 { return r.size }

// Read reads checked bytes. Faults: artifact.corrupt, and artifact.not_found
// when the content is deleted meanwhile.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.ready)
	r.take(n)
	return n, nil
}

// WriteTo writes the rest of the content to w. An error of w is returned as it
// is, other faults are those of Read.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	total := int64(0)
	for {
		err := r.fill()
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(r.ready)
		n = min(max(n, 0), len(r.ready))
		short := n < len(r.ready)
		r.take(n)
		total += int64(n)
		if err != nil {
			return total, err
		}
		if short {
			return total, io.ErrShortWrite
		}
	}
}

// Close ends the reader. Closing it again does nothing. It returns nil.
func (r *Reader) Close() error {
	if r.source != nil {
		r.source.close()
		r.source = nil
	}
	r.release()
	r.err = fault.New(fault.InternalBug, "reader was used after its Close", nil)
	return nil
}

// take counts n bytes as handed out.
func (r *Reader) take(n int) {
	r.ready = r.ready[n:]
	r.left -= int64(n)
}

// fill makes at least one byte ready, or returns why it cannot.
func (r *Reader) fill() error {
	switch {
	case r.err != nil:
		return r.err
	case r.left == 0:
		return io.EOF
	case len(r.ready) > 0:
		return nil
	}
	if r.err = ended(r.ctx); r.err != nil {
		return r.err
	}
	b, err := r.source.next(r.buf)
	r.buf = b
	if err != nil {
		r.err = err
		return err
	}
	b = b[r.skip:]
	r.skip = 0
	r.ready = b[:min(int64(len(b)), r.left)]
	return nil
}

// release gives the memory back.
func (r *Reader) release() {
	if r.buf != nil {
		r.s.buffers.put(r.buf)
	}
	r.s.spare.give(r.spare)
	r.buf, r.ready, r.spare = nil, nil, 0
}
