package artifact

import (
	"context"
	"crypto/sha256"
	"hash"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

const (
	// pieceQueue is how many pieces wait for each goroutine of a pipeline.
	pieceQueue = 2
	// commitsAtOnce is how many chunks are made durable while the next one is
	// written.
	commitsAtOnce = 2
)

// pipeline takes the pieces of one content. One goroutine computes the digest
// of the content, another stores chunks, and each full chunk is made durable
// by a third while the next one is written. finish and abort wait for all.
type pipeline struct {
	s      *Store
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup

	toHash, toStore chan *piece
	// first carries the digest of the first chunk, which is that of the
	// content until there.
	first   chan sum
	commits chan struct{}

	// What the goroutines leave for finish.
	size   int64
	digest sum
	states []state
	chunks []sum
	last   *chunk
}

// piece is a part of the content that both goroutines read.
type piece struct {
	data []byte
	refs atomic.Int32
}

// chunk is the chunk that is being written.
type chunk struct {
	blob driver.Blob
	size int64
	hash hash.Hash // nil for the first, which the content's hash covers
}

func newPipeline(ctx context.Context, s *Store) *pipeline {
	p := &pipeline{
		s:       s,
		toHash:  make(chan *piece, pieceQueue),
		toStore: make(chan *piece, pieceQueue),
		first:   make(chan sum, 1),
		commits: make(chan struct{}, commitsAtOnce),
	}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.wg.Go(p.hashContent)
	p.wg.Go(p.storeChunks)
	return p
}

// put hands data over. All pieces but the last are full.
func (p *pipeline) put(data []byte) error {
	pc := &piece{data: data}
	pc.refs.Store(2)
	p.size += int64(len(data))
	for _, ch := range []chan<- *piece{p.toHash, p.toStore} {
		select {
		case ch <- pc:
		case <-p.ctx.Done():
			return ended(p.ctx)
		}
	}
	return nil
}

// finish stores the last piece and the manifest and returns the digest of the
// content. Nothing may be called after it.
func (p *pipeline) finish(last []byte) (sum, error) {
	var err error
	if len(last) > 0 { // an empty piece would begin another chunk
		err = p.put(last)
	}
	close(p.toHash)
	close(p.toStore)
	p.wg.Wait()
	defer p.cancel(nil)
	defer p.drop()
	if err == nil {
		err = ended(p.ctx)
	}
	if err == nil {
		err = p.seal()
	}
	return p.digest, err
}

// abort ends the pipeline because of err.
func (p *pipeline) abort(err error) {
	p.cancel(err)
	p.wg.Wait()
	p.drop()
}

// seal commits the last chunk, waits for the others, and stores the manifest.
func (p *pipeline) seal() error {
	c := p.last
	if len(p.chunks) == 0 {
		err := c.blob.Commit(p.ctx, contentName(p.digest))
		return p.fault("write "+p.digest.String(), err)
	}
	p.commit(c)
	p.wg.Wait()
	if err := ended(p.ctx); err != nil {
		return err
	}
	m := manifest{
		block: p.s.sizes.block, chunk: p.s.sizes.chunk, size: p.size,
		digest: p.digest, chunks: p.chunks, states: p.states,
	}
	err := p.s.store(p.ctx, manifestName(p.digest), m.encode())
	return p.fault("write the manifest of "+p.digest.String(), err)
}

// drop ends a chunk that was not committed.
func (p *pipeline) drop() {
	if p.last != nil {
		p.last.blob.Abort()
	}
}

// fail stops the pipeline; the first error wins.
func (p *pipeline) fail(doing string, err error) { p.cancel(p.fault(doing, err)) }

func (p *pipeline) fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	return p.s.fail(p.ctx, doing, err)
}

// receive yields what comes through ch until it is closed or the pipeline fails.
func (p *pipeline) receive(ch <-chan *piece) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			select {
			case <-p.ctx.Done():
				return
			case pc, open := <-ch:
				if !open || !yield(pc.data) {
					return
				}
				if pc.refs.Add(-1) == 0 {
					p.s.buffers.put(pc.data)
				}
			}
		}
	}
}

// hashContent computes the digest of the content and its states.
func (p *pipeline) hashContent() {
	z := p.s.sizes
	h := sha256.New()
	size := int64(0)
	for data := range p.receive(p.toHash) {
		if size == z.chunk {
			p.first <- sumOf(h)
		}
		if size > 0 && size%z.block == 0 {
			st, err := saveState(h)
			if err != nil {
				p.fail("", err)
				return
			}
			p.states = append(p.states, st)
		}
		if manifestSize(z.block, z.chunk, size) > z.manifest {
			p.fail("", fault.New(fault.ArtifactTooLarge, byteCount(size)+" in one artifact", nil))
			return
		}
		h.Write(data)
		size += int64(len(data))
	}
	p.digest = sumOf(h)
}

// storeChunks writes the pieces into chunks. The last one is left to finish,
// which knows whether it is the only one.
func (p *pipeline) storeChunks() {
	for data := range p.receive(p.toStore) {
		if p.last != nil && p.last.size == p.s.sizes.chunk {
			p.commit(p.last)
			p.last = nil
		}
		if p.last == nil && !p.begin() {
			return
		}
		if _, err := p.last.blob.Write(data); err != nil {
			p.fail("write a chunk", err)
			return
		}
		p.last.size += int64(len(data))
		if p.last.hash != nil {
			p.last.hash.Write(data)
		}
	}
}

// begin starts the next chunk and reports whether it could.
func (p *pipeline) begin() bool {
	blob, err := p.s.d.Create(p.ctx)
	if err != nil {
		p.fail("write a chunk", err)
		return false
	}
	p.last = &chunk{blob: blob}
	if len(p.chunks) > 0 {
		p.last.hash = sha256.New()
	}
	return true
}

// commit makes c durable in the background, when its turn comes.
func (p *pipeline) commit(c *chunk) {
	var d sum
	if c.hash != nil {
		d = sumOf(c.hash)
	} else {
		select {
		case d = <-p.first:
		case <-p.ctx.Done():
			c.blob.Abort()
			return
		}
	}
	p.chunks = append(p.chunks, d)
	select {
	case p.commits <- struct{}{}:
	case <-p.ctx.Done():
		c.blob.Abort()
		return
	}
	p.wg.Go(func() {
		defer func() { <-p.commits }()
		if err := c.blob.Commit(p.ctx, chunkName(d)); err != nil {
			p.fail("write chunk "+d.String(), err)
		}
	})
}
