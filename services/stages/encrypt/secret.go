package encrypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// Secret keeps the keys of unfinished files from those who read checkpoints. It
// cannot decrypt a file that is finished once the checkpoints of its job are gone.
// It prints as nothing of use.
type Secret [32]byte

// String shows nothing.
func (Secret) String() string { return "(secret)" }

// GoString shows nothing.
func (Secret) GoString() string { return "(secret)" }

func newSecret() Secret {
	var s Secret
	rand.Read(s[:]) // never fails
	return s
}

// OpenSecret returns the secret in the file at path: 64 hex digits on a line. When
// there is no such file, it makes one with a new secret, which only its owner may
// read; of several processes that do so at once one wins, and all get its secret.
// The fault is crypt.bad_key_file; it shows nothing of the file.
func OpenSecret(path string) (Secret, error) {
	s, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = writeSecret(path, newSecret()); err == nil || errors.Is(err, fs.ErrExist) {
			s, err = readSecret(path)
		}
	}
	if err != nil {
		return Secret{}, fault.New(fault.CryptBadKeyFile, "the secret of encrypt@1", err)
	}
	return s, nil
}

func readSecret(path string) (Secret, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Secret{}, err
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(Secret{}) || Secret(b) == (Secret{}) {
		return Secret{}, errors.New(path + " does not hold 64 hex digits")
	}
	return Secret(b), nil
}

// writeSecret stores s unless there is a file, durably and all at once.
func writeSecret(path string, s Secret) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".secret-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(hex.EncodeToString(s[:]) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// layout is the version of the state; it stands above the fingerprint.
const layout = 1 << 24

// version is that of the state: another one under another secret, so that the
// chain itself says that it starts again, and why.
func (s Secret) version() int {
	b := s.derive("version", nil, 4)
	return layout + int(binary.BigEndian.Uint32(b)>>8)
}

// binding is what a sealed key is good for.
type binding struct {
	Tenant, Job, Step string
	File              int
	Digest            string
	Size              int64
}

// seal returns secret and the size of the header, to be read with the same
// binding only.
func (s Secret) seal(b binding, secret []byte, header int64) ([]byte, error) {
	box, err := s.box(b)
	if err != nil {
		return nil, err
	}
	return box.Seal(nil, nil, binary.BigEndian.AppendUint64(secret, uint64(header)), nil), nil
}

// open is the inverse of seal. It reports false for what was not sealed so.
func (s Secret) open(b binding, sealed []byte) (secret []byte, header int64, ok bool) {
	box, err := s.box(b)
	if err != nil {
		return nil, 0, false
	}
	plain, err := box.Open(nil, nil, sealed, nil)
	if err != nil || len(plain) < 8 {
		return nil, 0, false
	}
	at := len(plain) - 8
	return plain[:at], int64(binary.BigEndian.Uint64(plain[at:])), true
}

// box has a key of its own for each binding, and makes up its nonces.
func (s Secret) box(b binding) (cipher.AEAD, error) {
	who, err := json.Marshal(b)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "seal a key", err)
	}
	block, err := aes.NewCipher(s.derive("key", who, 32))
	if err != nil {
		return nil, fault.New(fault.InternalBug, "seal a key", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// derive returns n bytes for a purpose.
func (s Secret) derive(purpose string, context []byte, n int) []byte {
	sum := sha256.Sum256(context)
	b, err := hkdf.Key(sha256.New, s[:], nil, "millrace.dev/encrypt/1 "+purpose+" "+string(sum[:]), n)
	if err != nil {
		panic("encrypt: a key of constant size is refused: " + err.Error())
	}
	return b
}
