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
//	8      "MRPLACE2": magic word and version
//	8      size of a block in bytes, a multiple of 64 (numbers are big-endian)
//	8      size of the largest chunk in bytes, a multiple of the block size
//	8      bytes written up to the place
//	8      number of chunks that earlier places name
//	8      where in the content these end
//	8      when the place was noted, in seconds since 1970
//	32     name of the latest of these places, zeros for none
//	32     digest of the bytes beyond the last chunk, zeros for none
//	96     SHA-256 of the content at the end of the last chunk: its state, and the
//	       bytes since the last 64; zeros when a block ends there
//	8      number c of further chunks
//	40×c   digest of each, and where in the content it ends
//	32×b   state of the content's SHA-256 after each further block up to there
//	32     SHA-256 of everything before
type place struct {
	block, chunk, size int64
	first, base, at    int64
	before, tail       sum
	middle             middle
	chunks             []extent
	states             []state
}

const (
	placeMagic  = "MRPLACE2"
	middleSize  = sha256.Size + sha256.BlockSize
	placeHeader = 8 + 8 + 8 + 8 + 8 + 8 + 8 + sha256.Size + sha256.Size + middleSize + 8
	// stateRoom is how much chunks and states take in a state, and placeRoom how much
	// in a place that is stored: 8 and 64 chunks of the default size.
	stateRoom = placeRoom / 8
	placeRoom = 64 * (extentSize + defaultChunk/fullBlock*sha256.Size)
	maxPlace  = placeHeader + placeRoom + sha256.Size
	// maxState bounds a place in JSON: it may be one that could be stored.
	maxState = 40 << 10
)

// count is how many chunks there are up to the place, and end where they end.
func (p *place) count() int64 { return p.first + int64(len(p.chunks)) }

func (p *place) end() int64 {
	if n := len(p.chunks); n > 0 {
		return p.chunks[n-1].end
	}
	return p.base
}

// tailSize is how many bytes lie beyond them.
func (p *place) tailSize() int64 { return p.size - p.end() }

func (p *place) encode() []byte {
	b := make([]byte, 0, placeHeader+extentSize*len(p.chunks)+sha256.Size*(len(p.states)+1))
	b = append(b, placeMagic...)
	for _, n := range []int64{p.block, p.chunk, p.size, p.first, p.base, p.at} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	b = append(b, p.before[:]...)
	b = append(b, p.tail[:]...)
	b = append(b, p.middle.state[:]...)
	b = append(b, p.middle.rest[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(p.chunks)))
	b = appendStates(appendExtents(b, p.chunks), p.states)
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
		block: number(1), chunk: number(2), size: number(3), first: number(4), base: number(5), at: number(6),
	}
	rest := body[7*8:]
	for _, field := range [][]byte{p.before[:], p.tail[:], p.middle.state[:], p.middle.rest[:]} {
		rest = rest[copy(field, rest):]
	}
	return p, p.fill(binary.BigEndian.Uint64(rest), rest[8:])
}

// fill takes n chunks and the states from the rest of the bytes, and checks that
// the numbers can be.
func (p *place) fill(n uint64, rest []byte) (err error) {
	if p.block <= 0 || p.block > maxChunk || p.block%sha256.BlockSize != 0 ||
		p.chunk < p.block || p.chunk > maxChunk || p.chunk%p.block != 0 {
		return errors.New("place has impossible sizes")
	}
	none := p.first == 0
	if n > uint64(len(rest)/extentSize) || p.first < 0 || p.base < p.first || p.size < p.base ||
		none != (p.base == 0) || none != (p.before == sum{}) {
		return errors.New("place has impossible numbers")
	}
	if p.chunks, rest, err = readExtents(rest, int(n), p.base, p.chunk); err != nil {
		return err
	}
	p.states = make([]state, p.end()/p.block-p.base/p.block)
	if p.size < p.end() || len(rest) != len(p.states)*sha256.Size {
		return errors.New("place has the wrong length")
	}
	readStates(p.states, rest)
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
	case p.tailSize() > z.chunk || (p.tailSize() == 0) != (p.tail == sum{}),
		(p.end()%p.block == 0) != (p.middle == middle{}):
		return nil, errors.New("state contradicts itself")
	}
	return p, nil
}
