package artifact

import (
	"crypto/sha256"
	"encoding/binary"
	"sort"
)

// A manifest lists the chunks of one content, and how to check its bytes:
//
//	bytes  what
//	8      "MRMANIF2": magic word and version
//	8      size of a block in bytes, a multiple of 64 (numbers are big-endian)
//	8      size of the largest chunk in bytes, a multiple of the block size
//	8      size of the content in bytes
//	32     digest of the content
//	8      number c of chunks
//	40×c   digest of each chunk, and where in the content it ends
//	32×b   state of the content's SHA-256 after each block but the last
//	32     SHA-256 of everything before
//
// Content whose chunks all have that size, but for the last of at least two, has
// the shorter form MRMANIF1, which is without the number of chunks and the ends.
//
// The states make a read cheap: whoever knows the state before a block and the
// state after it can check the block alone, and checking all blocks in a row
// computes the digest of the content, once.
type manifest struct {
	block, chunk, size int64
	digest             sum
	chunks             []extent
	states             []state
}

// extent is a chunk of a content, and where in the content it ends.
type extent struct {
	digest sum
	end    int64
}

const (
	evenMagic   = "MRMANIF1"
	unevenMagic = "MRMANIF2"
	headerSize  = 8 + 8 + 8 + 8 + sha256.Size
	extentSize  = sha256.Size + 8
	// maxManifest bounds what a reader keeps in memory: content of 1.7 TiB
	// with chunks of the default size.
	maxManifest = 64 << 20
)

// manifestSize returns how long the manifest of such content in even chunks is.
func manifestSize(block, chunk, size int64) int64 {
	return headerSize + sha256.Size*(ceil(size, chunk)+ceil(size, block)-1+1)
}

// ceil returns n/d rounded up.
func ceil(n, d int64) int64 { return n/d + min(n%d, 1) }

// find returns the number of the chunk that holds the byte at.
func (m *manifest) find(at int64) int64 {
	return int64(sort.Search(len(m.chunks), func(i int) bool { return m.chunks[i].end > at }))
}

// span returns where chunk i begins and ends.
func (m *manifest) span(i int64) (begin, end int64) {
	if i > 0 {
		begin = m.chunks[i-1].end
	}
	return begin, m.chunks[i].end
}

// chunkName returns the blob of chunk i.
func (m *manifest) chunkName(i int64) string { return chunkName(m.chunks[i].digest) }

// even reports whether the shorter form says where the chunks end.
func (m *manifest) even() bool {
	if m.size <= m.chunk || int64(len(m.chunks)) != ceil(m.size, m.chunk) {
		return false
	}
	for i, c := range m.chunks {
		if c.end != min(int64(i+1)*m.chunk, m.size) {
			return false
		}
	}
	return true
}

func (m *manifest) encode() []byte {
	even := m.even()
	b := make([]byte, 0, headerSize+8+extentSize*len(m.chunks)+sha256.Size*(len(m.states)+1))
	if even {
		b = append(b, evenMagic...)
	} else {
		b = append(b, unevenMagic...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(m.block))
	b = binary.BigEndian.AppendUint64(b, uint64(m.chunk))
	b = binary.BigEndian.AppendUint64(b, uint64(m.size))
	b = append(b, m.digest[:]...)
	if even {
		for i := range m.chunks {
			b = append(b, m.chunks[i].digest[:]...)
		}
	} else {
		b = binary.BigEndian.AppendUint64(b, uint64(len(m.chunks)))
		b = appendExtents(b, m.chunks)
	}
	b = appendStates(b, m.states)
	check := sha256.Sum256(b)
	return append(b, check[:]...)
}

func appendExtents(b []byte, list []extent) []byte {
	for i := range list {
		b = append(b, list[i].digest[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(list[i].end))
	}
	return b
}

func appendStates(b []byte, list []state) []byte {
	for i := range list {
		b = append(b, list[i][:]...)
	}
	return b
}
