package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/minio/sio"

	"github.com/millrace/millrace/pkg/seal"
)

// foreign is what another program knows of a file, from the package comment alone:
// it uses age and the standard library.
type foreign struct {
	Key       []byte `json:"key"`
	Size      int    `json:"size"`
	Name      string `json:"name"`
	MediaType string `json:"media_type"`

	header, payload, key, nonce []byte
}

func readForeign(file []byte, id age.Identity) (*foreign, error) {
	magic, _ := hex.DecodeString("894D52580D0A1A0A")
	if len(file) < 16 || !bytes.Equal(file[:8], magic) || binary.BigEndian.Uint32(file[8:]) != 1 {
		return nil, errors.New("not of version 1")
	}
	end := 16 + binary.BigEndian.Uint32(file[12:])
	f := &foreign{header: file[:end], payload: file[end:]}
	r, err := age.Decrypt(bytes.NewReader(file[16:end]), id)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if len(text)%256 != 0 {
		return nil, fmt.Errorf("%d bytes are not padded", len(text))
	}
	if err := json.Unmarshal(text, f); err != nil {
		return nil, err
	}
	h := sha256.Sum256(f.header)
	okm, err := hkdf.Key(sha256.New, f.Key, nil, "millrace.dev/mrx/1 payload"+string(h[:]), 44)
	if err != nil {
		return nil, err
	}
	f.key, f.nonce = okm[:32], okm[32:]
	f.nonce[0] &= 0x7f
	return f, nil
}

func (f *foreign) content() ([]byte, error) {
	block, err := aes.NewCipher(f.key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	var out []byte
	rest := f.payload
	for number := uint32(0); len(out) < f.Size; number++ {
		size := min(f.Size-len(out), 65536)
		last := len(out)+size == f.Size
		nonce := bytes.Clone(f.nonce)
		if last {
			nonce[0] |= 0x80
		}
		want := append([]byte{0x20, 0, byte(size - 1), byte((size - 1) >> 8)}, nonce...)
		if !bytes.Equal(rest[:16], want) {
			return nil, fmt.Errorf("package %d begins with %x and not with %x", number, rest[:16], want)
		}
		low := binary.LittleEndian.Uint32(nonce[8:])
		binary.LittleEndian.PutUint32(nonce[8:], low^number)
		if out, err = gcm.Open(out, nonce, rest[16:16+size+16], rest[:4]); err != nil {
			return nil, fmt.Errorf("package %d: %w", number, err)
		}
		rest = rest[16+size+16:]
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%d bytes follow", len(rest))
	}
	return out, nil
}

// TestForeignReader reads files by the package comment, and by age and sio alone.
func TestForeignReader(t *testing.T) {
	t.Parallel()
	for _, id := range []age.Identity{classic(t), hybrid(t)} {
		var to age.Recipient
		switch id := id.(type) {
		case *age.X25519Identity:
			to = id.Recipient()
		case *age.HybridIdentity:
			to = id.Recipient()
		}
		for _, n := range sizes {
			plain := content(n)
			file, _ := sealed(t, plain, to)
			f, err := readForeign(file, id)
			if err != nil {
				t.Fatal(err)
			}
			if f.Name != "a.txt" || f.MediaType != "text/plain" || f.Size != n {
				t.Errorf("%d: %+v", n, f)
			}
			if got, err := f.content(); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d: by hand: %v", n, err)
			}
			if n == 0 {
				continue // no stream
			}
			got, err := sio.DecryptBuffer(nil, f.payload, sio.Config{Key: f.key, MinVersion: sio.Version20})
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d: by sio: %v", n, err)
			}
		}
	}
}

// TestOldFiles reads files that were written when the format was made, with the
// identities in testdata.
func TestOldFiles(t *testing.T) {
	t.Parallel()
	ids, err := seal.ReadIdentities(filepath.Join("testdata", "identities.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"classic.mrx", "hybrid.mrx", "empty.mrx"} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		want := "a file of version 1\n"
		if name == "empty.mrx" {
			want = ""
		}
		if got, err := opened(file, 0, ids...); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
