package stagetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/stage"
)

// Content is a file to work on.
type Content struct {
	Name, MediaType string
	// Data is the content. When it is nil, Size bytes are made up that look
	// the same every time and compress to about half.
	Data []byte
	Size int64
}

// Reader returns the content.
func (f Content) Reader() io.Reader {
	if f.Data != nil {
		return bytes.NewReader(f.Data)
	}
	h := fnv.New64a()
	h.Write([]byte(f.Name))
	return io.LimitReader(&madeUp{rnd: rand.New(rand.NewPCG(h.Sum64(), 1))}, f.Size)
}

func (f Content) put(t testing.TB, store *artifact.Store) events.File {
	t.Helper()
	file, err := store.Put(context.WithoutCancel(t.Context()), f.Reader(), nil)
	if err != nil {
		t.Fatalf("put %s: %v", f.Name, err)
	}
	file.Name, file.MediaType = f.Name, f.MediaType // also a name that the store would refuse
	return file
}

// alphabet is what the text of made-up content says.
const alphabet = "the quick brown fox jumps over the lazy dog "

// madeUp is content without an end, of which every other KiB is text.
type madeUp struct {
	rnd   *rand.Rand
	ready []byte
	buf   [2048]byte
}

func (m *madeUp) Read(p []byte) (int, error) {
	if len(m.ready) == 0 {
		for i := 0; i < 1024; i += 8 {
			binary.LittleEndian.PutUint64(m.buf[i:], m.rnd.Uint64())
		}
		n := 1024 + m.rnd.IntN(len(alphabet))
		for n < len(m.buf) {
			n += copy(m.buf[n:], alphabet)
		}
		m.ready = m.buf[:]
	}
	n := copy(p, m.ready)
	m.ready = m.ready[n:]
	return n, nil
}

// Read returns the content of a file of the task's store.
func Read(t testing.TB, task *stage.Task, f events.File) []byte {
	t.Helper()
	r, err := task.Store.Open(context.WithoutCancel(t.Context()), f.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
