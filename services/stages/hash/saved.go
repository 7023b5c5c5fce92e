package hash

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"errors"
	stdhash "hash"

	"github.com/millrace/millrace/pkg/fault"
)

// newHashes returns the hashes of the named algorithms at the start of a file.
// The SHA-256 is known.
func newHashes(names []string) map[string]stdhash.Hash {
	hashes := map[string]stdhash.Hash{}
	for _, name := range names {
		if name != sha256Name {
			hashes[name] = algorithms[name]()
		}
	}
	return hashes
}

// saveHashes returns what the hashes need to go on later. All that are offered
// can be saved.
func saveHashes(hashes map[string]stdhash.Hash) (map[string][]byte, error) {
	var saved map[string][]byte
	for name, h := range hashes {
		b, err := h.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return nil, fault.New(fault.InternalBug, "save the state of "+name, err)
		}
		if saved == nil {
			saved = make(map[string][]byte, len(hashes))
		}
		saved[name] = b
	}
	return saved, nil
}

// loadHashes returns hashes of the named algorithms that go on where they were
// saved, after n bytes. It fails when one was not, or not by this version of the
// library.
func loadHashes(names []string, saved map[string][]byte, n int64) (map[string]stdhash.Hash, error) {
	hashes := newHashes(names)
	for name, h := range hashes {
		b := saved[name]
		if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(b); err != nil {
			return nil, err
		}
		// All but checksums of 4 bytes end with how many bytes they have seen.
		if h.Size() > 4 && binary.BigEndian.Uint64(b[len(b)-8:]) != uint64(n) {
			return nil, errors.New(name + " was saved at another place")
		}
	}
	return hashes, nil
}

// plausible reports whether the state can be true of the files, and of the lists
// that are open.
func (r *reading) plausible() bool {
	st := &r.state
	if st.File < 0 || st.File > len(r.files) || st.Read < 0 ||
		st.Read > 0 && (st.File == len(r.files) || st.Read > r.files[st.File].Size) {
		return false
	}
	sums := 0
	if r.few() {
		sums = st.File * len(r.names)
	}
	if len(st.Sums) != sums {
		return false
	}
	for i, sum := range st.Sums {
		if b, err := hex.DecodeString(sum); err != nil || len(b) != sizeOf(r.names[i%len(r.names)]) {
			return false
		}
	}
	for i, w := range r.lists {
		size := 0
		for _, f := range r.files[:st.File] {
			size += 2*sizeOf(r.names[i]) + len(f.Name) + 3
		}
		if w.Size() != int64(size) {
			return false
		}
	}
	return true
}

// sizeOf is how many bytes the checksums of an algorithm have.
func sizeOf(name string) int {
	if name == sha256Name {
		return sha256.Size
	}
	return algorithms[name]().Size()
}
