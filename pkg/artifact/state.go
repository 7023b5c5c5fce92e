package artifact

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"

	"github.com/millrace/millrace/pkg/fault"
)

// state is the chaining value of SHA-256 after a whole number of its 64-byte
// blocks: what is needed, with the number of bytes, to go on hashing from there.
type state [sha256.Size]byte

// The saved form of the standard library's hash: a magic word, the chaining
// value, the bytes not yet hashed, and the number of bytes seen.
const (
	savedMagic = "sha\x03"
	savedSize  = len(savedMagic) + sha256.Size + sha256.BlockSize + 8
)

// middle is the chaining value with the bytes that came after the last whole block
// of 64: what is needed to go on hashing from any byte.
type middle struct {
	state state
	rest  [sha256.BlockSize]byte
}

// saveMiddle returns where h is.
func saveMiddle(h hash.Hash) (middle, error) {
	var m middle
	saved, err := save(h)
	if err == nil {
		rest := saved[len(savedMagic):]
		rest = rest[copy(m.state[:], rest):]
		copy(m.rest[:], rest)
	}
	return m, err
}

// resumeMiddle returns a hash that was at m after n bytes.
func resumeMiddle(m middle, n int64) (hash.Hash, error) {
	saved := make([]byte, 0, savedSize)
	saved = append(saved, savedMagic...)
	saved = append(saved, m.state[:]...)
	saved = append(saved, m.rest[:]...)
	saved = binary.BigEndian.AppendUint64(saved, uint64(n))
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(saved); err != nil {
		return nil, fault.New(fault.InternalBug, "restore the state of a hash", err)
	}
	return h, nil
}

// save returns the saved form of h.
func save(h hash.Hash) ([]byte, error) {
	saved, err := h.(encoding.BinaryAppender).AppendBinary(make([]byte, 0, savedSize))
	if err != nil || len(saved) != savedSize || string(saved[:len(savedMagic)]) != savedMagic {
		return nil, fault.New(fault.InternalBug, "save the state of a hash", err)
	}
	return saved, nil
}

// saveState returns the state of h, which has seen a multiple of 64 bytes.
func saveState(h hash.Hash) (state, error) {
	var st state
	saved, err := save(h)
	if err == nil {
		copy(st[:], saved[len(savedMagic):])
	}
	return st, err
}

// resumeHash returns a hash in state st after n bytes, a multiple of 64.
func resumeHash(st state, n int64) (hash.Hash, error) {
	return resumeMiddle(middle{state: st}, n)
}
