package artifact_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/fault"
)

func TestMain(m *testing.M) {
	if crashWriter() || markWriter() {
		return
	}
	goleak.VerifyTestMain(m)
}

// openStore returns a store in dir with chunks of the default size.
func openStore(t testing.TB, dir string, o *fsstore.Options) *artifact.Store {
	t.Helper()
	d, err := fsstore.New(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return newStore(t, d, 0)
}

func newStore(t testing.TB, d driver.Store, chunk int64) *artifact.Store {
	t.Helper()
	s := artifact.New(d, &artifact.Options{ChunkSize: chunk})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t testing.TB, s *artifact.Store, r io.Reader) events.File {
	t.Helper()
	f, err := s.Put(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// get returns the content of digest and checks its size.
func get(t testing.TB, s *artifact.Store, digest string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if r.Size() != int64(len(b)) {
		t.Fatalf("read %d bytes of %d", len(b), r.Size())
	}
	return b
}

// digestOf is the digest as anybody computes it.
func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// wantCode fails unless err is a fault with code.
func wantCode(t testing.TB, doing string, err error, code fault.Code) {
	t.Helper()
	if f := new(fault.Error); !errors.As(err, &f) || f.Code != code {
		t.Fatalf("%s: %v, want code %s", doing, err, code)
	}
}

// wantNothing fails when content can be reached.
func wantNothing(t testing.TB, s *artifact.Store, digest string) {
	t.Helper()
	_, err := s.Stat(t.Context(), digest)
	wantCode(t, "stat", err, fault.ArtifactNotFound)
	_, err = s.Open(t.Context(), digest)
	wantCode(t, "open", err, fault.ArtifactNotFound)
}

// noise is cheap content of any size in which no two pages are alike.
type noise struct{ size, at, seed int64 }

const page = 4 << 10

func newNoise(size int64, seed int) io.Reader { return &noise{size: size, seed: int64(seed)} }

// static is what all pages have in common.
var static = func() []byte {
	b := make([]byte, page)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}()

func (n *noise) Read(p []byte) (int, error) {
	if n.at == n.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), n.size-n.at)]
	for i := 0; i < len(p); {
		in := int((n.at + int64(i)) % page)
		c := copy(p[i:], static[in:])
		if in == 0 && c > 16 {
			binary.LittleEndian.PutUint64(p[i:], uint64((n.at+int64(i))/page))
			binary.LittleEndian.PutUint64(p[i+8:], uint64(n.seed))
		}
		i += c
	}
	n.at += int64(len(p))
	return len(p), nil
}

// blob returns the bytes of a blob.
func blob(t testing.TB, d driver.Store, name string) []byte {
	t.Helper()
	r, _, err := d.Read(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
