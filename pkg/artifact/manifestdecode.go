package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

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
	m := &manifest{
		block: int64(binary.BigEndian.Uint64(body[8:])),
		chunk: int64(binary.BigEndian.Uint64(body[16:])),
		size:  int64(binary.BigEndian.Uint64(body[24:])),
	}
	if m.block <= 0 || m.block > maxChunk || m.block%sha256.BlockSize != 0 ||
		m.chunk < m.block || m.chunk%m.block != 0 || m.size <= 0 {
		return nil, errors.New("manifest has impossible sizes")
	}
	if ceil(m.size, m.block) > maxManifest/sha256.Size {
		return nil, errors.New("manifest has the wrong length")
	}
	copy(m.digest[:], body[32:])
	var err error
	rest := body[headerSize:]
	switch string(body[:len(evenMagic)]) {
	case evenMagic:
		rest, err = m.readEven(rest)
	case unevenMagic:
		rest, err = m.readUneven(rest)
	default:
		err = errors.New("manifest has an unknown version")
	}
	if err != nil {
		return nil, err
	}
	m.states = make([]state, ceil(m.size, m.block)-1)
	if len(rest) != len(m.states)*sha256.Size {
		return nil, errors.New("manifest has the wrong length")
	}
	readStates(m.states, rest)
	return m, nil
}

// readEven reads the digests of chunks of one size, and returns what follows.
func (m *manifest) readEven(rest []byte) ([]byte, error) {
	if m.size <= m.chunk || int64(len(rest)) < ceil(m.size, m.chunk)*sha256.Size {
		return nil, errors.New("manifest has impossible sizes")
	}
	m.chunks = make([]extent, ceil(m.size, m.chunk))
	for i := range m.chunks {
		rest = rest[copy(m.chunks[i].digest[:], rest):]
		m.chunks[i].end = min(int64(i+1)*m.chunk, m.size)
	}
	return rest, nil
}

// readUneven reads chunks of any size, and returns what follows.
func (m *manifest) readUneven(rest []byte) ([]byte, error) {
	if len(rest) < 8 {
		return nil, errors.New("manifest is too short")
	}
	n := binary.BigEndian.Uint64(rest)
	if rest = rest[8:]; n == 0 || n > uint64(len(rest)/extentSize) {
		return nil, errors.New("manifest has an impossible number of chunks")
	}
	var err error
	if m.chunks, rest, err = readExtents(rest, int(n), 0, m.chunk); err != nil {
		return nil, err
	}
	if m.chunks[n-1].end != m.size || m.even() {
		return nil, errors.New("manifest has impossible chunks")
	}
	return rest, nil
}

// readExtents reads n chunks, each of at most that size, that follow one that ends
// at begin, and returns what comes after.
func readExtents(b []byte, n int, begin, size int64) ([]extent, []byte, error) {
	list := make([]extent, n)
	for i := range list {
		copy(list[i].digest[:], b)
		list[i].end = int64(binary.BigEndian.Uint64(b[sha256.Size:]))
		if list[i].end <= begin || list[i].end-begin > size {
			return nil, nil, errors.New("a chunk ends where it cannot")
		}
		begin, b = list[i].end, b[extentSize:]
	}
	return list, b, nil
}

func readStates(list []state, b []byte) {
	for i := range list {
		b = b[copy(list[i][:], b):]
	}
}
