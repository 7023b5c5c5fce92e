package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

func mustFS(t *testing.T) driver.Store {
	t.Helper()
	d, err := fsstore.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReader(t *testing.T) {
	t.Parallel()
	s := newStore(t, mustFS(t), smallChunk)
	for _, size := range smallSizes {
		content := drivertest.Content(size, 1)
		f := put(t, s, bytes.NewReader(content))
		r, err := s.Open(t.Context(), f.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, content); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		_, err = r.Read(make([]byte, 1))
		wantCode(t, "Read after Close", err, fault.InternalBug)
	}
}

func TestWriteTo(t *testing.T) {
	t.Parallel()
	s := newStore(t, memstore.New(), smallChunk)
	content := drivertest.Content(10_000, 1)
	f := put(t, s, bytes.NewReader(content))
	r, err := s.Open(t.Context(), f.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	begin := make([]byte, 1500)
	if _, err := io.ReadFull(r, begin); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("no more")
	var rest bytes.Buffer
	n, err := r.WriteTo(&stopsAfter{w: &rest, left: 3000, err: cause})
	if n != 3000 || err != cause {
		t.Fatalf("WriteTo = %d, %v", n, err)
	}
	n, err = r.WriteTo(&stopsAfter{w: &rest, left: 100})
	if n != 100 || err != io.ErrShortWrite {
		t.Fatalf("WriteTo a short writer = %d, %v", n, err)
	}
	if n, err = io.Copy(&rest, r); n != 5400 || err != nil {
		t.Fatalf("Copy = %d, %v", n, err)
	}
	if !bytes.Equal(append(begin, rest.Bytes()...), content) {
		t.Error("other bytes came back")
	}
}

// stopsAfter takes left bytes, then fails.
type stopsAfter struct {
	w    io.Writer
	left int
	err  error
}

func (s *stopsAfter) Write(p []byte) (int, error) {
	n, _ := s.w.Write(p[:min(len(p), s.left)])
	s.left -= n
	if n < len(p) {
		return n, s.err
	}
	return n, nil
}

func TestOpenRange(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, size := range []int64{0, 1, 1000, 1024, 1025, 10_000} {
		s := newStore(t, memstore.New(), smallChunk)
		content := drivertest.Content(int(size), 1)
		f := put(t, s, bytes.NewReader(content))
		ranges := [][2]int64{{0, -1}, {0, 0}, {size, 0}, {size, -1}, {0, size}, {size / 2, -1}}
		for range 100 {
			offset := random.Int64N(size + 1)
			ranges = append(ranges, [2]int64{offset, random.Int64N(size - offset + 1)})
		}
		for _, at := range ranges {
			want := content[at[0]:]
			if at[1] >= 0 {
				want = want[:at[1]]
			}
			r, err := s.OpenRange(t.Context(), f.Digest, at[0], at[1])
			if err != nil {
				t.Fatalf("OpenRange(%d, %d) of %d: %v", at[0], at[1], size, err)
			}
			if err := iotest.TestReader(r, want); err != nil {
				t.Fatalf("OpenRange(%d, %d) of %d: %v", at[0], at[1], size, err)
			}
			r.Close()
		}
		for _, at := range [][2]int64{
			{-1, 1}, {-1, -1}, {size + 1, 0}, {size + 1, -1}, {0, size + 1}, {size, 1}, {1, 1<<63 - 1},
		} {
			doing := fmt.Sprintf("OpenRange(%d, %d) of %d", at[0], at[1], size)
			_, err := s.OpenRange(t.Context(), f.Digest, at[0], at[1])
			wantCode(t, doing, err, fault.ArtifactBadRange)
		}
	}
}

// TestOpenRangeOpensOnlyItsChunks damages all chunks but those of the range.
func TestOpenRangeOpensOnlyItsChunks(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	content := drivertest.Content(10_000, 1)
	f := put(t, s, bytes.NewReader(content))
	for i := 0; i < len(content); i += 1024 {
		if i == 3072 || i == 4096 {
			continue
		}
		chunk := content[i:min(i+1024, len(content))]
		if !d.Damage(drivertest.Name(chunk), func([]byte) []byte { return nil }) {
			t.Fatalf("there is no chunk at %d", i)
		}
	}
	r, err := s.OpenRange(t.Context(), f.Digest, 3100, 2000)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, content[3100:5100]) {
		t.Errorf("read %d bytes, %v", len(b), err)
	}
}

// TestManyReaders has more content of one chunk open at once than may be held
// whole.
func TestManyReaders(t *testing.T) {
	t.Parallel()
	s := newStore(t, memstore.New(), 0)
	content := drivertest.Content(7<<20+99, 1)
	f := put(t, s, bytes.NewReader(content))
	var readers []*artifact.Reader
	for range 7 {
		r, err := s.Open(t.Context(), f.Digest)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		readers = append(readers, r)
	}
	part := make([]byte, 500_000)
	for at := 0; at < len(content); at += len(part) {
		want := content[at:min(at+len(part), len(content))]
		for i, r := range readers {
			got := part[:len(want)]
			if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("reader %d at %d: %v", i, at, err)
			}
		}
	}
	for i, r := range readers {
		if n, err := r.Read(part); n != 0 || err != io.EOF {
			t.Errorf("reader %d at its end: %d, %v", i, n, err)
		}
	}
	r, err := s.OpenRange(t.Context(), f.Digest, 5<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, content[5<<20:6<<20]) {
		t.Errorf("a range of %d bytes: %v", len(b), err)
	}
}

// TestReaderEndsEarly leaves readers in every state; the leak check of TestMain
// finds a goroutine that stays.
func TestReaderEndsEarly(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	f := put(t, s, newNoise(50_000, 1))
	for _, n := range []int64{0, 1, 1024, 5000, 49_999, 50_000} {
		r, err := s.Open(t.Context(), f.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, r, n); err != nil {
			t.Fatal(err)
		}
		r.Close()
		wantFinished(t, d)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	r, err := s.Open(ctx, f.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, r, 2000); err != nil {
		t.Fatal(err)
	}
	cancel(fault.New(fault.StageTimeout, "", nil))
	_, err = io.Copy(io.Discard, r)
	wantCode(t, "Read after the end of the context", err, fault.StageTimeout)
}

// TestCloseWaits: the goroutine of a reader has ended when Close returns.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &gated{Store: memstore.New(), gate: make(chan struct{})}
		s := newStore(t, d, smallChunk)
		f := put(t, s, newNoise(10_000, 1))
		r, err := s.Open(t.Context(), f.Digest)
		if err != nil {
			t.Fatal(err)
		}
		d.shut = true
		var all sync.WaitGroup
		all.Go(func() { _, _ = r.Read(make([]byte, 10)) })
		d.gate <- struct{}{} // one chunk comes through
		all.Wait()
		synctest.Wait() // the next one does not

		closed := false
		all.Go(func() { r.Close(); closed = true })
		synctest.Wait()
		if closed {
			t.Error("Close returned while the store was read")
		}
		close(d.gate)
		all.Wait()
	})
}

// gated is a store whose Read waits at a gate while it is shut.
type gated struct {
	driver.Store
	shut bool
	gate chan struct{}
}

func (g *gated) Read(
	ctx context.Context, name string, offset, size int64,
) (io.ReadCloser, int64, error) {
	if g.shut {
		<-g.gate
	}
	return g.Store.Read(ctx, name, offset, size)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	s := newStore(t, mustFS(t), 0)
	wantNothing(t, s, digestOf([]byte("nothing")))
	for _, digest := range []string{
		"", "sha256:", "../../etc/passwd", strings.ToUpper(digestOf(nil)),
	} {
		_, err := s.Open(t.Context(), digest)
		wantCode(t, "Open", err, fault.ArtifactBadDigest)
		_, err = s.OpenRange(t.Context(), digest, 0, -1)
		wantCode(t, "OpenRange", err, fault.ArtifactBadDigest)
		_, err = s.Stat(t.Context(), digest)
		wantCode(t, "Stat", err, fault.ArtifactBadDigest)
		wantCode(t, "Delete", s.Delete(t.Context(), digest), fault.ArtifactBadDigest)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Open(ctx, digestOf(nil))
	wantCode(t, "Open", err, fault.JobCancelled)
}

func TestClose(t *testing.T) {
	t.Parallel()
	for _, d := range []driver.Store{memstore.New(), mustFS(t)} {
		s := newStore(t, d, smallChunk)
		f := put(t, s, newNoise(10_000, 1))
		r, err := s.Open(t.Context(), f.Digest)
		if err != nil {
			t.Fatal(err)
		}
		w := s.Create(t.Context(), nil)
		if _, err := w.Write(make([]byte, 5000)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		_, err = io.Copy(io.Discard, r)
		wantCode(t, "Read", err, fault.ArtifactClosed)
		r.Close()
		_, err = w.Commit()
		wantCode(t, "Commit", err, fault.ArtifactClosed)
		_, err = s.Put(t.Context(), newNoise(1, 1), nil)
		wantCode(t, "Put", err, fault.ArtifactClosed)
		_, err = s.Open(t.Context(), f.Digest)
		wantCode(t, "Open", err, fault.ArtifactClosed)
		_, err = s.Stat(t.Context(), f.Digest)
		wantCode(t, "Stat", err, fault.ArtifactClosed)
		wantCode(t, "Delete", s.Delete(t.Context(), f.Digest), fault.ArtifactClosed)
		_, err = s.Sweep(t.Context(), 0)
		wantCode(t, "Sweep", err, fault.ArtifactClosed)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := newStore(t, mustFS(t), smallChunk)
	small := drivertest.Content(1024, 1)
	large := append(bytes.Clone(small), drivertest.Content(3000, 2)...)
	a, b := put(t, s, bytes.NewReader(small)), put(t, s, bytes.NewReader(large))

	// The first chunk of the large content is the small content.
	for range 2 {
		if err := s.Delete(t.Context(), a.Digest); err != nil {
			t.Fatal(err)
		}
		wantNothing(t, s, a.Digest)
	}
	if !bytes.Equal(get(t, s, b.Digest), large) {
		t.Fatal("other bytes came back")
	}
	if err := s.Delete(t.Context(), b.Digest); err != nil {
		t.Fatal(err)
	}
	wantNothing(t, s, b.Digest)
	put(t, s, bytes.NewReader(large))
	if !bytes.Equal(get(t, s, b.Digest), large) {
		t.Fatal("other bytes came back")
	}
}
