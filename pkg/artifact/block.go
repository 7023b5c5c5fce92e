package artifact

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"strconv"

	"github.com/millrace/millrace/pkg/fault"
)

// layout says where the bytes of one content are and how to check them.
type layout struct {
	manifest
	// name returns the blob that holds chunk i.
	name func(i int64) string
	// alone is true when that is the whole content, without a manifest.
	alone bool
}

// learn reads the content d from a blob of its own, checks it, and returns how
// to check it block by block.
func (s *Store) learn(ctx context.Context, d sum, size int64, r io.Reader) (*layout, error) {
	doing := "read " + d.String()
	block := s.sizes.block
	l := &layout{
		manifest: manifest{
			block: block, chunk: ceil(size, block) * block, size: size, digest: d, chunks: []extent{{d, size}},
		},
		name: func(int64) string { return contentName(d) }, alone: true,
	}
	buf := s.buffers.get(block)
	defer s.buffers.put(buf)
	h := sha256.New()
	for at := int64(0); at < size; at += block {
		if at > 0 {
			st, err := saveState(h)
			if err != nil {
				return nil, err
			}
			l.states = append(l.states, st)
		}
		part := buf[:min(block, size-at)]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, s.readFault(ctx, doing, err)
		}
		h.Write(part)
	}
	if sumOf(h) != d {
		return nil, fault.New(fault.ArtifactCorrupt, doing, errors.New("the digest is another"))
	}
	return l, nil
}

// blockReader reads and checks the blocks of a content in order.
type blockReader struct {
	ctx     context.Context
	s       *Store
	l       *layout
	at, end int64 // the next block begins at, the last one holds the byte before end
	hash    hash.Hash
	// chunk is the one that the byte at pos is in, up to upTo; nil between chunks.
	chunk     io.ReadCloser
	pos, upTo int64
}

// newBlockReader reads from at, where a block begins, until it has the byte
// before end.
func newBlockReader(ctx context.Context, s *Store, l *layout, at, end int64) *blockReader {
	return &blockReader{ctx: ctx, s: s, l: l, at: at, end: end, pos: at}
}

func (b *blockReader) next(used []byte) ([]byte, error) {
	if b.at >= b.end {
		return used, io.EOF
	}
	if used == nil {
		used = b.s.buffers.get(b.l.block)
	}
	n := min(b.l.block, b.l.size-b.at)
	used = used[:n]
	if err := b.prepare(); err != nil {
		return used, err
	}
	if err := b.read(used); err != nil {
		return used, err
	}
	b.hash.Write(used)
	if err := b.check(b.at + n); err != nil {
		return used, err
	}
	b.at += n
	if b.at >= b.end {
		b.close()
	}
	return used, nil
}

// read reads the bytes at pos, from as many chunks as they are in.
func (b *blockReader) read(p []byte) error {
	for len(p) > 0 {
		if err := b.open(); err != nil {
			return err
		}
		n := min(int64(len(p)), b.upTo-b.pos)
		if _, err := io.ReadFull(b.chunk, p[:n]); err != nil {
			return b.s.readFault(b.ctx, b.doing(), err)
		}
		if p, b.pos = p[n:], b.pos+n; b.pos == b.upTo {
			b.close()
		}
	}
	return nil
}

// prepare readies the hash of the next block.
func (b *blockReader) prepare() (err error) {
	switch {
	case b.hash != nil:
	case b.at == 0:
		b.hash = sha256.New()
	default:
		b.hash, err = resumeHash(b.l.states[b.at/b.l.block-1], b.at)
	}
	return err
}

// open opens the chunk that the byte at pos is in.
func (b *blockReader) open() error {
	if b.chunk != nil {
		return nil
	}
	i := b.l.find(b.pos)
	begin, end := b.l.span(i)
	b.upTo = min(end, ceil(b.end, b.l.block)*b.l.block)
	r, size, err := b.s.d.Read(b.ctx, b.l.name(i), b.pos-begin, b.upTo-b.pos)
	if err != nil {
		return b.missing(b.s.fail(b.ctx, b.doing(), err))
	}
	if size != end-begin {
		r.Close()
		return fault.New(fault.ArtifactCorrupt, b.doing(),
			errors.New("a chunk of "+byteCount(end-begin)+" has "+byteCount(size)))
	}
	b.chunk = r
	return nil
}

// check compares the hash after a block that ends at end with what it must be.
func (b *blockReader) check(end int64) error {
	ok := false
	if end == b.l.size {
		ok = sumOf(b.hash) == b.l.digest
	} else {
		st, err := saveState(b.hash)
		if err != nil {
			return err
		}
		ok = st == b.l.states[end/b.l.block-1]
	}
	if !ok {
		return fault.New(fault.ArtifactCorrupt, b.doing(), errors.New("the bytes are not those stored"))
	}
	return nil
}

// missing tells a chunk that is lost from content that was deleted.
func (b *blockReader) missing(err error) error {
	if b.l.alone || !fault.Has(err, fault.ArtifactNotFound) {
		return err
	}
	if _, gone := b.s.d.Stat(b.ctx, manifestName(b.l.digest)); gone != nil {
		return b.s.fail(b.ctx, b.doing(), gone)
	}
	return fault.New(fault.ArtifactCorrupt, b.doing(), errors.New("a chunk is missing"))
}

func (b *blockReader) doing() string {
	return "read " + b.l.digest.String() + " at " + strconv.FormatInt(b.at, 10)
}

func (b *blockReader) close() {
	if b.chunk != nil {
		b.chunk.Close()
		b.chunk = nil
	}
}
