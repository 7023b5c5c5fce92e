package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
)

// A place says where a writer is: what it has written, and what is needed to go
// on. It is saved in a [State], and, so that a state stays small, as blobs that
// hold what the places after them need not repeat:
//
//	bytes  what
//	8      "MRPLACE1": magic word and version
//	8      size of a block in bytes, a multiple of 64 (numbers are big-endian)
//	8      size of a chunk in bytes, a multiple of the block size
//	8      bytes written up to the place
//	8      chunks that earlier places name
//	8      when the place was noted, in seconds since 1970
//	32     name of the latest of these, zeros for none
//	32     digest of the bytes beyond the last whole chunk, zeros for none
//	32×c   digest of each further whole chunk
//	32×b   state of the content's SHA-256 after each block of these
//	32     SHA-256 of everything before
//
// The last state is that of the content at the end of the last whole chunk.
// Content of up to one chunk has no whole chunk yet: it may turn out to be
// stored without a manifest.
type place struct {
	block, chunk, size int64
	first, at          int64
	before, tail       sum
	chunks             []sum
	states             []state
}

const (
	placeMagic  = "MRPLACE1"
	placeHeader = 8 + 8 + 8 + 8 + 8 + 8 + sha256.Size + sha256.Size
	// placeRoom is how much chunks and states take in a place: 64 chunks of the
	// default size.
	placeRoom = 64 * (1 + defaultChunk/fullBlock) * sha256.Size
	maxPlace  = placeHeader + placeRoom + sha256.Size
	// maxState bounds a place in JSON.
	maxState = 40 << 10
)

// placeEntry is what a chunk takes in a place.
func (z sizes) placeEntry() int64 { return sha256.Size * (1 + z.chunk/z.block) }

// placeChunks is how many chunks a place names itself.
func (z sizes) placeChunks() int64 { return max(1, placeRoom/z.placeEntry()) }

// whole returns how many chunks of content of that size are whole, and begun by
// others: content of one chunk may be stored without a manifest.
func (z sizes) whole(size int64) int64 {
	if size <= z.chunk {
		return 0
	}
	return size / z.chunk
}

// end is how many whole chunks there are up to the place.
func (p *place) end() int64 { return p.first + int64(len(p.chunks)) }

// tailSize is how many bytes lie beyond them.
func (p *place) tailSize() int64 { return p.size - p.end()*p.chunk }

func (p *place) encode() []byte {
	b := make([]byte, 0, placeHeader+sha256.Size*(len(p.chunks)+len(p.states)+1))
	b = append(b, placeMagic...)
	for _, n := range []int64{p.block, p.chunk, p.size, p.first, p.at} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	b = append(b, p.before[:]...)
	b = append(b, p.tail[:]...)
	for i := range p.chunks {
		b = append(b, p.chunks[i][:]...)
	}
	for i := range p.states {
		b = append(b, p.states[i][:]...)
	}
	check := sha256.Sum256(b)
	return append(b, check[:]...)
}

// decodePlace reads what encode wrote.
func decodePlace(b []byte) (*place, error) {
	if len(b) < placeHeader+sha256.Size || len(b) > maxPlace {
		return nil, errors.New("place has the wrong length")
	}
	body, check := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if actual := sha256.Sum256(body); !bytes.Equal(actual[:], check) {
		return nil, errors.New("place does not match its checksum")
	}
	if string(body[:len(placeMagic)]) != placeMagic {
		return nil, errors.New("place has an unknown version")
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(body[8*i:])) }
	p := &place{
		block: number(1), chunk: number(2), size: number(3), first: number(4), at: number(5),
	}
	copy(p.before[:], body[48:])
	copy(p.tail[:], body[80:])
	return p, p.fill(body[placeHeader:])
}

// fill takes the chunks and states from the rest of the bytes, and checks that
// the numbers can be.
func (p *place) fill(rest []byte) error {
	if p.block <= 0 || p.block > maxChunk || p.block%sha256.BlockSize != 0 ||
		p.chunk < p.block || p.chunk > maxChunk || p.chunk%p.block != 0 {
		return errors.New("place has impossible sizes")
	}
	z := sizes{chunk: p.chunk, block: p.block}
	entry := int(z.placeEntry())
	if len(rest)%entry != 0 || p.first < 0 || p.size < 0 ||
		p.first > p.size/p.chunk-int64(len(rest)/entry) || (p.first == 0) != (p.before == sum{}) {
		return errors.New("place has impossible numbers")
	}
	p.chunks = make([]sum, len(rest)/entry)
	for i := range p.chunks {
		rest = rest[copy(p.chunks[i][:], rest):]
	}
	p.states = make([]state, len(rest)/sha256.Size)
	for i := range p.states {
		rest = rest[copy(p.states[i][:], rest):]
	}
	return nil
}

// savedPlace is a place in JSON. The size is for people.
type savedPlace struct {
	Size  int64  `json:"size"`
	Place []byte `json:"place"`
}

func (p *place) state() (State, error) {
	return json.Marshal(savedPlace{Size: p.size, Place: p.encode()})
}

// readState returns the place in a state, which must be one of a writer with
// these sizes.
func readState(st State, z sizes) (*place, error) {
	if len(st) > maxState {
		return nil, errors.New("state is too long")
	}
	var saved savedPlace
	if err := json.Unmarshal(st, &saved); err != nil {
		return nil, err
	}
	p, err := decodePlace(saved.Place)
	switch {
	case err != nil:
		return nil, err
	case p.chunk != z.chunk || p.block != z.block:
		return nil, errors.New("state is of a store with other chunks")
	case p.size/p.block > z.manifest/sha256.Size ||
		manifestSize(p.block, p.chunk, p.size) > z.manifest:
		return nil, errors.New("state is of too large a content")
	case p.end() != z.whole(p.size) || (p.tailSize() == 0) != (p.tail == sum{}):
		return nil, errors.New("state contradicts itself")
	}
	return p, nil
}
