package publish

import (
	"crypto/sha256"
	"encoding"
	"hash"
	"strings"
)

// stateVersion is that of the meaning of place.
const stateVersion = 1

// resumable is how large a file is of which a part is worth to be kept, in bytes.
const resumable = 16 << 20

// place is what the step remembers of its work. All it says of files was synced
// before.
type place struct {
	// Items is how many items are there or lie, whole, in hidden files.
	Items int `json:"items,omitempty"`
	// Temp is the hidden file of the next one, which has so many Bytes. Hash is the
	// state of their SHA-256.
	Temp  string `json:"temp,omitempty"`
	Bytes int64  `json:"bytes,omitempty"`
	Hash  []byte `json:"hash,omitempty"`
}

// hash returns the digest of the bytes that the place speaks of, to go on with, or
// nil when its state is none.
func (p *place) hash() hash.Hash {
	h := sha256.New()
	if h.(encoding.BinaryUnmarshaler).UnmarshalBinary(p.Hash) != nil {
		return nil
	}
	return h
}

// begun reports whether the place speaks of a part of the item, the i-th.
func (p *place) begun(key string, i int, it item) bool {
	return p.Items == i && p.Bytes > 0 && p.Bytes <= it.file.Size && strings.HasPrefix(p.Temp, tempPrefix(key, it))
}
