package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// A manifest lists the chunks of one content, and how to check its bytes:
//
//	bytes  what
//	8      "MRMANIF1": magic word and version
//	8      size of a block in bytes, a multiple of 64 (numbers are big-endian)
//	8      size of a chunk in bytes, a multiple of the block size
//	8      size of the content in bytes, more than one chunk
//	32     digest of the content
//	32×c   digest of each chunk, c = ⌈content/chunk⌉
//	32×b   state of the content's SHA-256 after each block but the last
//	32     SHA-256 of everything before
//
// The states make a read cheap: whoever knows the state before a block and the
// state after it can check the block alone, and checking all blocks in a row
// computes the digest of the content, once.
type manifest struct {
	block, chunk, size int64
	digest             sum
	chunks             []sum
	states             []state
}

const (
	manifestMagic = "MRMANIF1"
	headerSize    = 8 + 8 + 8 + 8 + sha256.Size
	// maxManifest bounds what a reader keeps in memory: content of 1.7 TiB
	// with chunks of the default size.
	maxManifest = 64 << 20
)

// manifestSize returns how long the manifest of such content is.
func manifestSize(block, chunk, size int64) int64 {
	return headerSize + sha256.Size*(ceil(size, chunk)+ceil(size, block)-1+1)
}

// ceil returns n/d rounded up.
func ceil(n, d int64) int64 { return n/d + min(n%d, 1) }

// chunkName returns the blob of chunk i.
func (m *manifest) chunkName(i int64) string { return chunkName(m.chunks[i]) }

func (m *manifest) encode() []byte {
	b := make([]byte, 0, manifestSize(m.block, m.chunk, m.size))
	b = append(b, manifestMagic...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.block))
	b = binary.BigEndian.AppendUint64(b, uint64(m.chunk))
	b = binary.BigEndian.AppendUint64(b, uint64(m.size))
	b = append(b, m.digest[:]...)
	for i := range m.chunks {
		b = append(b, m.chunks[i][:]...)
	}
	for i := range m.states {
		b = append(b, m.states[i][:]...)
	}
	check := sha256.Sum256(b)
	return append(b, check[:]...)
}

// decodeManifest reads what encode wrote. Anything else, also by one bit, is
// an error.
func decodeManifest(b []byte) (*manifest, error) {
	if len(b) < headerSize+sha256.Size {
		return nil, errors.New("manifest is too short")
	}
	body, check := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if actual := sha256.Sum256(body); !bytes.Equal(actual[:], check) {
		return nil, errors.New("manifest does not match its checksum")
	}
	if string(body[:len(manifestMagic)]) != manifestMagic {
		return nil, errors.New("manifest has an unknown version")
	}
	m := &manifest{
		block: int64(binary.BigEndian.Uint64(body[8:])),
		chunk: int64(binary.BigEndian.Uint64(body[16:])),
		size:  int64(binary.BigEndian.Uint64(body[24:])),
	}
	if m.block <= 0 || m.block > maxChunk || m.block%sha256.BlockSize != 0 ||
		m.chunk < m.block || m.chunk%m.block != 0 || m.size <= m.chunk {
		return nil, errors.New("manifest has impossible sizes")
	}
	if ceil(m.size, m.block) > maxManifest/sha256.Size ||
		manifestSize(m.block, m.chunk, m.size) != int64(len(b)) {
		return nil, errors.New("manifest has the wrong length")
	}
	copy(m.digest[:], body[32:])
	rest := body[headerSize:]
	m.chunks = make([]sum, ceil(m.size, m.chunk))
	for i := range m.chunks {
		rest = rest[copy(m.chunks[i][:], rest):]
	}
	m.states = make([]state, ceil(m.size, m.block)-1)
	for i := range m.states {
		rest = rest[copy(m.states[i][:], rest):]
	}
	return m, nil
}
