// Package seal is the format of encrypted files: streams that can be written and
// read from any whole package on, with a key that only the recipients can unwrap.
//
// It puts two formats of others together and adds little: age files wrap the key
// (age-encryption.org/v1), and DARE 2.0 encrypts the content in packages of 64 KiB
// (github.com/minio/sio). Use age alone where nothing ever has to resume.
//
// # The format, version 1
//
// A file is a header and a payload. Integers are big-endian and without a sign.
//
//	offset  size  what
//	0       8     89 4D 52 58 0D 0A 1A 0A ("\x89MRX\r\n\x1a\n")
//	8       4     the version: 1
//	12      4     n, the size of the age file: 1 to 262144
//	16      n     an age file, binary, without armor
//	16+n    …     the payload, to the end of the file
//
// The age file holds one JSON object of at most 16 KiB, which spaces may follow:
//
//	key         32 random bytes in base64 (RFC 4648, section 4), fresh for each file
//	size        how many bytes the content has: 0 to 2^48
//	name        the name of the content, may be absent
//	media_type  the media type of the content, may be absent
//
// Readers ignore other members. Writers fill up with spaces to a multiple of 256
// bytes, so that the size of the age file says little about the name.
//
// H is the SHA-256 of the 16+n bytes of the header. HKDF-SHA-256 (RFC 5869) gives
// 44 bytes from the key, without a salt, with the info
//
//	"millrace.dev/mrx/1 payload" followed by the 32 bytes of H
//
// The first 32 of them are the key of AES-256-GCM, the other 12 the nonce of the
// stream, of which the highest bit of the first byte is cleared.
//
// The payload is empty when size is 0. Otherwise it is a DARE 2.0 stream of
// packages numbered from 0, all of 65536 bytes of content except the last, which
// has 1 to 65536 and the final flag. A package is
//
//	0       1     20
//	1       1     00, which stands for AES-256-GCM
//	2       2     the size of its content minus 1, little-endian
//	4       12    the nonce of the stream; the highest bit of the first byte is the final flag
//	16      …     the content, encrypted
//	…       16    the tag
//
// It is encrypted under the nonce at offset 4 (with the flag), whose last 4 bytes are
// combined by exclusive or with the number of the package, little-endian; the bytes 0
// to 3 are the additional data. A reader compares the nonce of each package with the
// derived one: without that, packages could be moved about.
//
// The size of a file follows from its header, [Header.SealedSize], so that what is
// missing or was appended shows before anything is decrypted.
//
// # What it promises
//
//   - Without an identity nothing can be read. Visible are the size of the content,
//     roughly the length of its name, and the number and kind of the recipients.
//   - A reader hands out no byte that it has not verified. Changed, missing,
//     repeated and reordered bytes are faults, also when reading begins midway.
//   - A header belongs to one payload. A payload under the header of another file,
//     or with recipients added, cannot be read.
//   - Who wrote a file is not said. Everybody can encrypt for a recipient.
//
// A key is random and is used for one content, from its first byte to its last. So
// no nonce meets two contents, whoever resumes and however often.
package seal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"filippo.io/age"

	"github.com/millrace/millrace/pkg/fault"
)

// What others see of a sealed file.
const (
	MediaType = "application/vnd.millrace.mrx"
	Extension = ".mrx"
)

// PackageSize is how much content a package holds, PackageLen how long it is then.
const (
	PackageSize = 64 << 10
	PackageLen  = PackageSize + overhead
)

// MaxSize is the largest content, in bytes: 256 TiB.
const MaxSize = 1 << 48

const (
	magic      = "\x89MRX\r\n\x1a\n"
	version    = 1
	fixedLen   = len(magic) + 8
	maxAge     = 256 << 10
	maxMeta    = 16 << 10
	padding    = 256
	overhead   = 32 // of a package
	keySize    = 32
	derivation = "millrace.dev/mrx/1 payload"
)

// Meta is what a header says of the content, to the recipients only.
type Meta struct {
	// Name and MediaType are as the writer had them; nobody has checked them.
	Name, MediaType string
	// Size is in bytes.
	Size int64
}

// Header is the beginning of a sealed file. It does not change.
type Header struct {
	meta    Meta
	raw     []byte
	payload Payload
}

// secrets is what the age file holds.
type secrets struct {
	Key       string `json:"key"`
	Size      int64  `json:"size"`
	Name      string `json:"name,omitempty"`
	MediaType string `json:"media_type,omitempty"`
}

// New returns the header of a new file with a new key. No two are the same.
// Faults: crypt.bad_recipient, for no recipients too, and crypt.too_large.
func New(m Meta, to ...age.Recipient) (*Header, error) {
	if m.Size < 0 || m.Size > MaxSize {
		return nil, fault.New(fault.CryptTooLarge, "", nil)
	}
	key := make([]byte, keySize)
	rand.Read(key) // never fails
	meta, err := json.Marshal(secrets{
		Key: base64.StdEncoding.EncodeToString(key), Size: m.Size, Name: m.Name, MediaType: m.MediaType,
	})
	if err != nil || len(meta) > maxMeta {
		return nil, fault.New(fault.CryptTooLarge, "the name and the media type", err)
	}
	meta = append(meta, bytes.Repeat([]byte{' '}, (padding-len(meta)%padding)%padding)...)
	var wrapped bytes.Buffer
	if err := wrap(&wrapped, meta, to); err != nil {
		return nil, fault.New(fault.CryptBadRecipient, "", err)
	}
	if wrapped.Len() > maxAge {
		return nil, fault.New(fault.CryptBadRecipient, "there are too many", nil)
	}
	raw := binary.BigEndian.AppendUint32([]byte(magic), version)
	raw = binary.BigEndian.AppendUint32(raw, uint32(wrapped.Len()))
	return newHeader(m, append(raw, wrapped.Bytes()...), key)
}

func wrap(w *bytes.Buffer, meta []byte, to []age.Recipient) error {
	a, err := age.Encrypt(w, to...)
	if err != nil {
		return err
	}
	if _, err := a.Write(meta); err != nil {
		return err
	}
	return a.Close()
}

func newHeader(m Meta, raw, key []byte) (*Header, error) {
	p, err := derive(key, sha256.Sum256(raw))
	if err != nil {
		return nil, err
	}
	return &Header{meta: m, raw: raw, payload: p}, nil
}

// Meta is what the header says of the content.
func (h *Header) Meta() Meta { return h.meta }

// Bytes is the header as it stands in the file. It is not to be changed.
func (h *Header) Bytes() []byte { return h.raw }

// Payload encrypts and decrypts what follows the header.
func (h *Header) Payload() Payload { return h.payload }

// SealedSize is the size of the whole file in bytes.
func (h *Header) SealedSize() int64 {
	packages := (h.meta.Size + PackageSize - 1) / PackageSize
	return int64(len(h.raw)) + h.meta.Size + packages*overhead
}
