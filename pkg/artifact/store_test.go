package artifact_test

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
)

// openStore returns a store in dir with chunks of the default size.
func openStore(t testing.TB, dir string, o *fsstore.Options) *artifact.Store {
	t.Helper()
	d, err := fsstore.New(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	s := artifact.New(d, nil)
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
