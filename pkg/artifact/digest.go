package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// digestPrefix starts every digest.
const digestPrefix = "sha256:"

// CheckDigest reports whether d is a digest: "sha256:" and 64 lower-case hex
// digits. The fault is artifact.bad_digest.
func CheckDigest(d string) error {
	_, err := parseDigest(d)
	return err
}

// sum is a SHA-256 digest.
type sum [sha256.Size]byte

// String returns the digest as it is written in messages.
func (s sum) String() string { return digestPrefix + s.hex() }

func (s sum) hex() string { return hex.EncodeToString(s[:]) }

// sumOf returns the digest of what h has seen and leaves h as it is.
func sumOf(h hash.Hash) (s sum) {
	h.Sum(s[:0])
	return s
}

func parseDigest(d string) (sum, error) {
	var s sum
	digits, ok := strings.CutPrefix(d, digestPrefix)
	if ok && len(digits) == 2*len(s) && !strings.ContainsFunc(digits, notHex) {
		if _, err := hex.Decode(s[:], []byte(digits)); err == nil {
			return s, nil
		}
	}
	return s, fault.New(fault.ArtifactBadDigest, quoted(d), nil)
}

func notHex(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }

// Names of blobs. Content of at most one chunk is one blob under its own
// digest. Larger content is a manifest under its digest, and chunks under
// theirs. The two kinds of content are kept apart so that deleting a small
// content never takes a chunk from a large one that begins with the same bytes.
// A place, see place, is a blob under the digest of its own bytes.

const (
	contentPrefix  = "s/"
	chunkPrefix    = "c/"
	manifestPrefix = "m/"
	placePrefix    = "p/"
)

func contentName(s sum) string  { return blobName(contentPrefix, s) }
func chunkName(s sum) string    { return blobName(chunkPrefix, s) }
func manifestName(s sum) string { return blobName(manifestPrefix, s) }
func placeName(s sum) string    { return blobName(placePrefix, s) }

// blobName spreads the blobs over 256 folders.
func blobName(prefix string, s sum) string {
	digits := s.hex()
	return prefix + digits[:2] + "/" + digits
}
