package artifact

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"slices"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

// chunk is the chunk that is being written.
type chunk struct {
	// blob is nil when a mark has made durable what there is of the chunk: kept
	// is on its way to be a blob of its own.
	blob driver.Blob
	kept *flight
	// size is how much it holds, of limit at most.
	size, limit int64
	hash        hash.Hash // nil for the first, which the content's hash covers
}

// flight is a chunk on its way to be durable.
type flight struct {
	digest sum
	landed chan struct{} // closed when err is known
	err    error
}

// arrived reports whether the chunk is durable now.
func (f *flight) arrived() bool {
	select {
	case <-f.landed:
		return f.err == nil
	default:
		return false
	}
}

// storeChunks writes the pieces into chunks. The last one is left to finish,
// which knows whether it is the only one.
func (p *pipeline) storeChunks() {
	for pc := range p.receive(p.toStore) {
		ok := false
		if pc.mark != nil {
			ok = p.note(pc.mark)
		} else {
			ok = p.write(pc.data)
		}
		if !ok {
			return
		}
	}
}

// write appends to the last chunk, and to the next when that is full, and reports
// whether it could.
func (p *pipeline) write(data []byte) bool {
	for len(data) > 0 {
		if c := p.last; c != nil && c.size == c.limit && !p.next(nil) {
			return false
		}
		if p.last == nil && !p.begin() || p.last.blob == nil && !p.restore(p.last) {
			return false
		}
		c := p.last
		part := data[:min(int64(len(data)), c.limit-c.size)]
		if _, err := c.blob.Write(part); err != nil {
			p.fail("write a chunk", err)
			return false
		}
		c.size += int64(len(part))
		if c.hash != nil {
			c.hash.Write(part)
		}
		data = data[len(part):]
	}
	return true
}

// next ends the last chunk, at m unless that is nil, and reports whether it could.
func (p *pipeline) next(m *Mark) bool {
	c := p.last
	p.last = nil
	return p.commit(c, m)
}

// begin starts the next chunk and reports whether it could. A chunk that is full
// ends where a block does.
func (p *pipeline) begin() bool {
	blob, err := p.s.d.Create(p.ctx)
	if err != nil {
		p.fail("write a chunk", err)
		return false
	}
	z, at := p.s.sizes, p.end()
	p.last = &chunk{blob: blob, limit: z.chunk - at%z.block}
	if len(p.chunks) > 0 {
		p.last.hash = sha256.New()
	}
	return true
}

// commit makes c durable in the background, when its turn comes. It reports false
// when the pipeline has failed.
func (p *pipeline) commit(c *chunk, m *Mark) bool {
	f := c.kept
	if c.blob != nil {
		d, ok := p.digestOf(c, m)
		if !ok {
			c.blob.Abort()
			return false
		}
		if f = p.launch(c.blob, d); f == nil {
			return false
		}
	}
	p.chunks = append(p.chunks, extent{f.digest, p.end() + c.size})
	p.middle = middle{}
	return true
}

// digestOf returns the digest of c, which ends at m, or is full. The first chunk is
// all of the content until there.
func (p *pipeline) digestOf(c *chunk, m *Mark) (sum, bool) {
	switch {
	case c.hash != nil:
		return sumOf(c.hash), true
	case m != nil:
		ok := p.hashed(m)
		return m.digest, ok
	}
	select {
	case d := <-p.first:
		return d, true
	case <-p.ctx.Done():
		return sum{}, false
	}
}

// hashed waits until the hash has come by m, and reports whether it did.
func (p *pipeline) hashed(m *Mark) bool {
	select {
	case <-m.hashed:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// launch makes blob durable as chunk d in the background, when its turn comes. It
// returns nil when the pipeline has failed.
func (p *pipeline) launch(blob driver.Blob, d sum) *flight {
	select {
	case p.commits <- struct{}{}:
	case <-p.ctx.Done():
		blob.Abort()
		return nil
	}
	f := &flight{digest: d, landed: make(chan struct{})}
	p.flights = append(slices.DeleteFunc(p.flights, (*flight).arrived), f)
	p.wg.Go(func() {
		defer func() { <-p.commits }()
		defer close(f.landed)
		if err := blob.Commit(p.ctx, chunkName(d)); err != nil {
			f.err = p.fault("write chunk "+d.String(), err)
			p.cancel(f.err)
		}
	})
	return f
}

// note gives m what it needs of the chunks. The last one ends here, unless it is
// small: then what there is of it is made durable for the mark. It reports whether
// it could.
func (p *pipeline) note(m *Mark) bool {
	switch c := p.last; {
	case c == nil:
	case c.size >= min(p.s.sizes.cut(), c.limit):
		if !p.next(m) || !p.hashed(m) {
			return false
		}
		if p.end()%p.s.sizes.block != 0 {
			p.middle = m.here
		}
	default:
		if !p.keep(c, m) {
			return false
		}
		m.tail = c.kept.digest
	}
	m.chunks, m.middle = p.chunks, p.middle
	m.flights = slices.Clone(p.flights)
	return true
}

// keep stores what there is of c as a chunk of its own, in the background.
func (p *pipeline) keep(c *chunk, m *Mark) bool {
	if c.blob == nil {
		return true // nothing came since the last mark
	}
	d, ok := p.digestOf(c, m)
	if !ok {
		return false
	}
	c.kept = p.launch(c.blob, d)
	c.blob = nil
	return c.kept != nil
}

// restore begins c again with the bytes that were kept of it, and reports
// whether it could.
func (p *pipeline) restore(c *chunk) bool {
	select {
	case <-c.kept.landed:
	case <-p.ctx.Done():
		return false
	}
	if c.kept.err != nil {
		return false
	}
	blob, err := p.s.d.Create(p.ctx)
	if err != nil {
		p.fail("write a chunk", err)
		return false
	}
	if err := p.s.copyChunk(p.ctx, blob, c.kept.digest, c.size); err != nil {
		blob.Abort()
		p.fail("", lost(err))
		return false
	}
	c.blob, c.kept = blob, nil
	return true
}

// copyChunk appends the bytes of chunk d to w, and checks them.
func (s *Store) copyChunk(ctx context.Context, w io.Writer, d sum, size int64) error {
	doing := "read chunk " + d.String()
	r, _, err := s.d.Read(ctx, chunkName(d), 0, size)
	if err != nil {
		return s.fail(ctx, doing, err)
	}
	defer r.Close()
	buf := s.buffers.get(s.sizes.piece)
	defer s.buffers.put(buf)
	h := sha256.New()
	for left := size; left > 0; {
		part := buf[:min(left, int64(len(buf)))]
		if _, err := io.ReadFull(r, part); err != nil {
			return s.readFault(ctx, doing, err)
		}
		h.Write(part)
		if _, err := w.Write(part); err != nil {
			return s.fail(ctx, "write a chunk", err)
		}
		left -= int64(len(part))
	}
	if sumOf(h) != d {
		return fault.New(fault.ArtifactCorrupt, doing, errors.New("the digest is another"))
	}
	return nil
}

// seal commits the last chunk, waits for the others, and stores the manifest.
func (p *pipeline) seal() error {
	c := p.last
	if len(p.chunks) == 0 {
		if c.blob == nil && !p.restore(c) {
			return ended(p.ctx)
		}
		err := c.blob.Commit(p.ctx, contentName(p.digest))
		return p.fault("write "+p.digest.String(), err)
	}
	if c != nil {
		p.commit(c, nil)
		p.wg.Wait()
	}
	if err := ended(p.ctx); err != nil {
		return err
	}
	if err := p.s.checkChunks(p.ctx, p.chunks[:p.resumed]); err != nil {
		return lost(err)
	}
	z := p.s.sizes
	m := manifest{
		block: z.block, chunk: z.chunk, size: p.size, digest: p.digest,
		chunks: p.chunks, states: p.states[:ceil(p.size, z.block)-1],
	}
	b := m.encode()
	if int64(len(b)) > z.manifest {
		return fault.New(fault.ArtifactTooLarge, byteCount(p.size)+" in one artifact", nil)
	}
	err := p.s.store(p.ctx, manifestName(p.digest), b)
	return p.fault("write the manifest of "+p.digest.String(), err)
}

// drop ends a chunk that was not committed.
func (p *pipeline) drop() {
	if p.last != nil && p.last.blob != nil {
		p.last.blob.Abort()
	}
}
