package publishs3

import (
	"crypto/sha256"
	"encoding"
	"hash"

	"github.com/millrace/millrace/pkg/fault"
)

// stateVersion is that of the meaning of place.
const stateVersion = 1

// place is what the step remembers of its work.
type place struct {
	// Round counts how often the step has taken back what it had put there. What
	// was put before is another effect than what is put after.
	Round int `json:"round,omitempty"`
	// Large is how many of the large files are done.
	Large int `json:"large,omitempty"`
	// Upload is the upload of the next one, empty when it has none yet.
	Upload string `json:"upload,omitempty"`
	// PartSize is the size of its parts, but for the last.
	PartSize int64 `json:"part_size,omitempty"`
	// Parts is how many of them are at the store, from the first one without a
	// gap. Sums and Tags stand for their checksums and their ETags.
	Parts int    `json:"parts,omitempty"`
	Sums  []byte `json:"sums,omitempty"`
	Tags  []byte `json:"tags,omitempty"`
}

// next goes on to the next large file.
func (p *place) next() { *p = place{Round: p.Round, Large: p.Large + 1} }

// restart forgets the upload of the large file.
func (p *place) restart() { *p = place{Round: p.Round, Large: p.Large} }

// add counts another part.
func (p *place) add(sum, tag string) error {
	var err error
	if p.Sums, err = chain(p.Sums, sum); err == nil {
		p.Tags, err = chain(p.Tags, tag)
	}
	p.Parts++
	return err
}

// chain adds a word to the ones that a state stands for. The state is that of
// their SHA-256, so that it stays small whatever their number.
func chain(state []byte, word string) ([]byte, error) {
	h := sha256.New()
	if len(state) > 0 {
		if err := unmarshal(h, state); err != nil {
			return nil, fault.New(fault.InternalBug, "read the state of a digest", err)
		}
	}
	h.Write([]byte(word + "\n"))
	return h.(encoding.BinaryMarshaler).MarshalBinary()
}

func unmarshal(h hash.Hash, state []byte) error {
	return h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
}
