package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"

	"filippo.io/age"

	"github.com/millrace/millrace/pkg/fault"
)

// Open reads a header and unwraps its key with the first identity that fits. It
// reads no byte of the payload. An error of r that is not its end is returned as it is.
//
// Faults: crypt.not_sealed, crypt.truncated, crypt.corrupt, and crypt.no_identity
// when none fits or there are none.
func Open(r io.Reader, identities ...age.Identity) (*Header, error) {
	fixed := make([]byte, fixedLen)
	n, err := io.ReadFull(r, fixed)
	if begun := fixed[:min(n, len(magic))]; !bytes.HasPrefix([]byte(magic), begun) || n == 0 && ended(err) {
		return nil, fault.New(fault.CryptNotSealed, "", nil)
	}
	if err != nil {
		return nil, short(err)
	}
	if v := binary.BigEndian.Uint32(fixed[8:]); v != version {
		return nil, fault.New(fault.CryptNotSealed, "of another version of the format", nil)
	}
	size := binary.BigEndian.Uint32(fixed[12:])
	if size == 0 || size > maxAge {
		return nil, corrupt("the size of the header", nil)
	}
	raw := append(fixed, make([]byte, size)...)
	if _, err := io.ReadFull(r, raw[fixedLen:]); err != nil {
		return nil, short(err)
	}
	s, err := unwrap(raw[fixedLen:], identities)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.Strict().DecodeString(s.Key)
	if err != nil || len(key) != keySize || s.Size < 0 || s.Size > MaxSize {
		return nil, corrupt("the header", nil) // says nothing of the key
	}
	return newHeader(Meta{Name: s.Name, MediaType: s.MediaType, Size: s.Size}, raw, key)
}

// unwrap decrypts the age file of a header.
func unwrap(wrapped []byte, identities []age.Identity) (secrets, error) {
	var s secrets
	if len(identities) == 0 {
		return s, fault.New(fault.CryptNoIdentity, "this mill has no identities", nil)
	}
	plain, err := age.Decrypt(bytes.NewReader(wrapped), identities...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return s, fault.New(fault.CryptNoIdentity, "", nil)
	}
	if err != nil {
		return s, corrupt("the header", err)
	}
	text, err := io.ReadAll(io.LimitReader(plain, maxMeta+padding))
	if err != nil {
		return s, corrupt("the header", err)
	}
	if len(text) > maxMeta || json.Unmarshal(text, &s) != nil {
		return s, corrupt("the header", nil) // the error might quote the key
	}
	return s, nil
}

// ended reports whether a read failed because there was nothing left.
func ended(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

// short is the fault of a header that ends early, or the error of its reader.
func short(err error) error {
	if ended(err) {
		return fault.New(fault.CryptTruncated, "it ends within the header", nil)
	}
	return err
}

func corrupt(where string, cause error) error {
	return fault.New(fault.CryptCorrupt, where, cause)
}
