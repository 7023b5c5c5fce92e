package artifact

import (
	"crypto/sha256"
	"strconv"
	"sync"
	"sync/atomic"
)

const (
	// defaultChunk is the size of a chunk when nothing else is asked for, and
	// maxChunk the largest.
	defaultChunk = 8 << 20
	maxChunk     = 64 << 20
	// fullBlock is how much a reader checks at once.
	fullBlock = 1 << 20
	// fullPiece is how much a writer hands to its goroutines at once: it stays
	// in a processor's cache while it is hashed twice and written.
	fullPiece = 256 << 10
	// smallBuffer is what a writer and a reader of small content take.
	smallBuffer = 32 << 10
	// spareLimit is what all readers of a store together may use to hold
	// content of more than a block whole.
	spareLimit = 32 << 20
)

// sizes are the units of a store: a chunk is stored, a block is checked, a
// piece is hashed. Each divides the one before. manifest is how long a manifest
// may be.
type sizes struct{ chunk, block, piece, manifest int64 }

// cut is the least that a chunk holds which ends at a mark.
func (z sizes) cut() int64 { return max(z.block/4, 1) }

func sizesFor(chunk int64) sizes {
	if chunk <= 0 {
		chunk = defaultChunk
	}
	chunk = min(chunk, maxChunk)
	if chunk <= fullPiece {
		chunk = ceil(chunk, sha256.BlockSize) * sha256.BlockSize
		return sizes{chunk: chunk, block: chunk, piece: chunk, manifest: maxManifest}
	}
	chunk = ceil(chunk, fullBlock) * fullBlock
	return sizes{chunk: chunk, block: fullBlock, piece: fullPiece, manifest: maxManifest}
}

// buffers lends memory in four sizes.
type buffers [4]pool

func newBuffers(z sizes) *buffers {
	return &buffers{
		{size: min(smallBuffer, z.piece)}, {size: z.piece}, {size: z.block}, {size: z.chunk},
	}
}

// get returns a buffer of at least n bytes, with its full capacity as length.
func (p *buffers) get(n int64) []byte {
	for i := range p {
		if p[i].size < n {
			continue
		}
		if b, ok := p[i].free.Get().(*[]byte); ok {
			return *b
		}
		return make([]byte, p[i].size)
	}
	return make([]byte, n)
}

// put takes back a buffer that get returned, whatever its length is now.
func (p *buffers) put(b []byte) {
	b = b[:cap(b)]
	for i := range p {
		if p[i].size == int64(len(b)) {
			p[i].free.Put(&b)
			return
		}
	}
}

// pool keeps buffers of one size until the garbage collector needs them.
type pool struct {
	size int64
	free sync.Pool
}

// budget is an amount of memory that several users share.
type budget struct {
	limit int64
	used  atomic.Int64
}

// take reports whether n bytes were left; who took them gives them back.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) <= b.limit {
		return true
	}
	b.used.Add(-n)
	return false
}

func (b *budget) give(n int64) { b.used.Add(-n) }

// byteCount writes n for people.
func byteCount(n int64) string { return strconv.FormatInt(n, 10) + " bytes" }
