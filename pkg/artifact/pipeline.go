package artifact

import (
	"context"
	"crypto/sha256"
	"hash"
	"iter"
	"sync"
	"sync/atomic"

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
	// first carries the digest of the first chunk, when that is full: it is that
	// of the content until there.
	first   chan sum
	commits chan struct{}
	// flights are the commits that may be under way.
	flights []*flight

	// resumed is how many chunks another writer has stored.
	resumed int
	// What the goroutines leave for finish.
	progress
	size   int64
	digest sum
	last   *chunk
}

// progress is what is known of the chunks of a content that have ended, and of its
// blocks.
type progress struct {
	chunks []extent
	states []state
	// middle is the hash of the content at the end of the last chunk, unless a
	// block ends there.
	middle middle
}

// end is where the last chunk ends.
func (p *progress) end() int64 {
	if n := len(p.chunks); n > 0 {
		return p.chunks[n-1].end
	}
	return 0
}

// piece is a part of the content, or a mark in it, that both goroutines see.
type piece struct {
	data []byte
	// buffer is given back after the piece, with which it ends. Nil means that
	// more pieces of it come, or that the writer keeps it.
	buffer []byte
	mark   *Mark
	refs   atomic.Int32
}

// newPipeline returns a pipeline for content of which some chunks are there.
func newPipeline(ctx context.Context, s *Store, from *progress) (*pipeline, error) {
	p := &pipeline{
		s:        s,
		toHash:   make(chan *piece, pieceQueue),
		toStore:  make(chan *piece, pieceQueue),
		first:    make(chan sum, 1),
		commits:  make(chan struct{}, commitsAtOnce),
		resumed:  len(from.chunks),
		progress: *from,
		size:     from.end(),
	}
	h, err := from.hash(s.sizes.block)
	if err != nil {
		return nil, err
	}
	size := p.size
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.wg.Go(func() { p.hashContent(h, size) })
	p.wg.Go(p.storeChunks)
	return p, nil
}

// hash returns the hash of the content up to the end of the last chunk.
func (p *progress) hash(block int64) (hash.Hash, error) {
	end := p.end()
	switch {
	case end == 0:
		return sha256.New(), nil
	case end%block == 0:
		return resumeHash(p.states[end/block-1], end)
	}
	return resumeMiddle(p.middle, end)
}

// put hands pc over.
func (p *pipeline) put(pc *piece) error {
	pc.refs.Store(2)
	p.size += int64(len(pc.data))
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
		err = p.put(&piece{data: last})
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

// fail stops the pipeline; the first error wins.
func (p *pipeline) fail(doing string, err error) { p.cancel(p.fault(doing, err)) }

func (p *pipeline) fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	return p.s.fail(p.ctx, doing, err)
}

// receive yields what comes through ch until it is closed or the pipeline fails.
func (p *pipeline) receive(ch <-chan *piece) iter.Seq[*piece] {
	return func(yield func(*piece) bool) {
		for {
			select {
			case <-p.ctx.Done():
				return
			case pc, open := <-ch:
				if !open || !yield(pc) {
					return
				}
				if pc.refs.Add(-1) == 0 {
					p.passed(pc)
				}
			}
		}
	}
}

// passed ends a piece that both goroutines have seen.
func (p *pipeline) passed(pc *piece) {
	if pc.buffer != nil {
		p.s.buffers.put(pc.buffer)
	}
	if pc.mark != nil {
		close(pc.mark.passed)
	}
}

// hashContent computes the digest of the content and its states, from size on.
func (p *pipeline) hashContent(h hash.Hash, size int64) {
	for pc := range p.receive(p.toHash) {
		var err error
		if pc.mark != nil {
			err = p.pass(h, pc.mark)
		} else {
			size, err = p.hashPiece(h, size, pc.data)
		}
		if err != nil {
			p.fail("", err)
			return
		}
	}
	p.digest = sumOf(h)
}

// pass tells m what the hash of the content is there.
func (p *pipeline) pass(h hash.Hash, m *Mark) (err error) {
	m.digest, m.states = sumOf(h), p.states
	m.here, err = saveMiddle(h)
	close(m.hashed)
	return err
}

// hashPiece adds data to the hash of the content so far, and notes the state
// wherever a block ends. It returns the size with data.
func (p *pipeline) hashPiece(h hash.Hash, size int64, data []byte) (int64, error) {
	z := p.s.sizes
	if size == z.chunk {
		p.first <- sumOf(h)
	}
	if manifestSize(z.block, z.chunk, size) > z.manifest {
		return size, fault.New(fault.ArtifactTooLarge, byteCount(size)+" in one artifact", nil)
	}
	for len(data) > 0 {
		n := min(int64(len(data)), z.block-size%z.block)
		h.Write(data[:n])
		data, size = data[n:], size+n
		if size%z.block != 0 {
			continue
		}
		st, err := saveState(h)
		if err != nil {
			return size, err
		}
		p.states = append(p.states, st)
	}
	return size, nil
}
