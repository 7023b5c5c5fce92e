package artifact

import (
	"context"
	"errors"
	"sync"

	"github.com/millrace/millrace/pkg/fault"
)

// looksAtOnce is how many chunks are looked for at the same time.
const looksAtOnce = 16

// checkChunks reports whether the store has all these chunks, the first of a
// content, each of its size. It does not read them.
func (s *Store) checkChunks(ctx context.Context, chunks []extent) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for first := range min(looksAtOnce, len(chunks)) {
		all.Go(func() {
			for i := first; i < len(chunks) && ctx.Err() == nil; i += looksAtOnce {
				if i > 0 && chunks[i].digest == chunks[i-1].digest {
					continue
				}
				begin := int64(0)
				if i > 0 {
					begin = chunks[i-1].end
				}
				if err := s.checkChunk(ctx, chunks[i].digest, chunks[i].end-begin); err != nil {
					stop(err)
				}
			}
		})
	}
	all.Wait()
	return ended(ctx)
}

func (s *Store) checkChunk(ctx context.Context, d sum, want int64) error {
	doing := "look for chunk " + d.String()
	size, err := s.d.Stat(ctx, chunkName(d))
	if err != nil {
		return s.fail(ctx, doing, err)
	}
	if size != want {
		return fault.New(fault.ArtifactCorrupt, doing, errors.New("it has "+byteCount(size)))
	}
	return nil
}

// renewChunk reads a chunk of that size and writes it again, which makes it young.
func (s *Store) renewChunk(ctx context.Context, d sum, size int64) error {
	blob, err := s.d.Create(ctx)
	if err != nil {
		return s.fail(ctx, "write a chunk", err)
	}
	defer blob.Abort()
	if err := s.copyChunk(ctx, blob, d, size); err != nil {
		return err
	}
	if err := blob.Commit(ctx, chunkName(d)); err != nil {
		return s.fail(ctx, "write chunk "+d.String(), err)
	}
	return nil
}

// lost makes of err, when it says that something is missing or damaged that a
// writer has found or stored before, a fault that passes: the next attempt finds
// out at its start.
func lost(err error) error {
	if !fault.Has(err, fault.ArtifactNotFound) && !fault.Has(err, fault.ArtifactCorrupt) {
		return err
	}
	return fault.New(fault.ArtifactIO, "what was stored for the content is gone",
		errors.New(fault.From(err).Message()))
}
