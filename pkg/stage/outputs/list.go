// Package outputs remembers which files an attempt has finished, in few enough
// bytes for the state of a checkpoint: 1000 files, the most that a step may have,
// take 56 of its 64 KiB.
package outputs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// prefix is what every digest begins with.
const prefix = "sha256:"

// entry is how many bytes a file takes: its digest and its size.
const entry = sha256.Size + 8

// List is the digests and sizes of files, in the order in which they were added.
// Names and media types are not kept: a stage knows them from its inputs. The
// zero value is empty. In JSON it is a string.
type List []byte

// Add appends the digest and the size of f. Fault: artifact.bad_digest.
func (l *List) Add(f events.File) error {
	if err := artifact.CheckDigest(f.Digest); err != nil {
		return err
	}
	sum, err := hex.DecodeString(strings.TrimPrefix(f.Digest, prefix))
	if err != nil {
		return fault.New(fault.ArtifactBadDigest, fault.Clip(f.Digest, 80), err)
	}
	*l = binary.BigEndian.AppendUint64(append(*l, sum...), uint64(f.Size))
	return nil
}

// Len is how many files there are.
func (l List) Len() int { return len(l) / entry }

// File returns the digest and the size of file i, counted from 0, and false when
// there is none.
func (l List) File(i int) (events.File, bool) {
	if i < 0 || i >= l.Len() {
		return events.File{}, false
	}
	at := l[i*entry:]
	return events.File{
		Digest: prefix + hex.EncodeToString(at[:sha256.Size]),
		Size:   int64(binary.BigEndian.Uint64(at[sha256.Size:])),
	}, true
}
