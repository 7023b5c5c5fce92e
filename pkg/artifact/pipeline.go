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
	// first carries the digest of the first chunk, which is that of the
	// content until there.
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

// progress is what is known of the chunks of a content that are whole, and of
// its blocks.
type progress struct {
	chunks []sum
	states []state
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
		size:     int64(len(from.chunks)) * s.sizes.chunk,
	}
	h := sha256.New()
	if p.size > 0 {
		var err error
		if h, err = resumeHash(p.states[len(p.states)-1], p.size); err != nil {
			return nil, err
		}
	}
	size := p.size
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.wg.Go(func() { p.hashContent(h, size) })
	p.wg.Go(p.storeChunks)
	return p, nil
}

// put hands pc over. Together with the one before, pieces end where blocks do.
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
	z := p.s.sizes
	for pc := range p.receive(p.toHash) {
		if size == z.chunk && len(pc.data) > 0 {
			p.first <- sumOf(h)
		}
		if err := p.addState(h, size); err != nil {
			p.fail("", err)
			return
		}
		if manifestSize(z.block, z.chunk, size) > z.manifest {
			p.fail("", fault.New(fault.ArtifactTooLarge, byteCount(size)+" in one artifact", nil))
			return
		}
		if m := pc.mark; m != nil {
			m.digest = sumOf(h)
			m.states = p.states[:z.whole(size)*(z.chunk/z.block)]
			close(m.hashed)
		}
		h.Write(pc.data)
		size += int64(len(pc.data))
	}
	p.digest = sumOf(h)
}

// addState adds the state at size, where a block ends, unless it is there.
func (p *pipeline) addState(h hash.Hash, size int64) error {
	if size%p.s.sizes.block != 0 || int64(len(p.states)) == size/p.s.sizes.block {
		return nil
	}
	st, err := saveState(h)
	if err == nil {
		p.states = append(p.states, st)
	}
	return err
}
