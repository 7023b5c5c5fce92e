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

// saveState returns the state of h, which has seen a multiple of 64 bytes.
func saveState(h hash.Hash) (state, error) {
	var st state
	saved, err := h.(encoding.BinaryAppender).AppendBinary(make([]byte, 0, savedSize))
	if err != nil || len(saved) != savedSize || string(saved[:len(savedMagic)]) != savedMagic {
		return st, fault.New(fault.InternalBug, "save the state of a hash", err)
	}
	copy(st[:], saved[len(savedMagic):])
	return st, nil
}

// resumeHash returns a hash in state st after n bytes, a multiple of 64.
func resumeHash(st state, n int64) (hash.Hash, error) {
	h := sha256.New()
	saved := make([]byte, savedSize)
	copy(saved, savedMagic)
	copy(saved[len(savedMagic):], st[:])
	binary.BigEndian.PutUint64(saved[savedSize-8:], uint64(n))
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(saved); err != nil {
		return nil, fault.New(fault.InternalBug, "restore the state of a hash", err)
	}
	return h, nil
}
