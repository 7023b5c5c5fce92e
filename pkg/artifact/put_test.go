package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

// Sizes around every border: of buffers, pieces, blocks and chunks.
var (
	smallChunk = int64(1024)
	smallSizes = []int{0, 1, 63, 64, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 10_000}
	fullSizes  = []int{
		0, 32<<10 - 1, 32 << 10, 32<<10 + 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1<<20 - 1,
		1 << 20, 1<<20 + 1, 8<<20 - 1, 8 << 20, 8<<20 + 1, 16 << 20, 17<<20 + 5,
	}
)

func TestPutAndOpen(t *testing.T) {
	t.Parallel()
	for _, chunk := range []int64{0, smallChunk} {
		sizes := fullSizes
		if chunk > 0 {
			sizes = smallSizes
		}
		s := newStore(t, memstore.New(), chunk)
		for i, size := range sizes {
			t.Run(fmt.Sprintf("%d/%d", chunk, size), func(t *testing.T) {
				t.Parallel()
				content := drivertest.Content(size, i)
				o := &artifact.PutOptions{Name: "a.bin", MediaType: "x/y", Limit: int64(size)}
				f, err := s.Put(t.Context(), bytes.NewReader(content), o)
				want := events.File{
					Name: "a.bin", MediaType: "x/y", Digest: digestOf(content), Size: int64(size),
				}
				if diff := cmp.Diff(want, f); diff != "" || err != nil {
					t.Fatal(err, diff)
				}
				if !bytes.Equal(get(t, s, f.Digest), content) {
					t.Fatal("other bytes came back")
				}
				if n, err := s.Stat(t.Context(), f.Digest); n != int64(size) || err != nil {
					t.Fatalf("Stat = %d, %v", n, err)
				}
			})
		}
	}
}

// TestWriter: the digest does not depend on how the bytes come.
func TestWriter(t *testing.T) {
	t.Parallel()
	s := newStore(t, memstore.New(), smallChunk)
	content := drivertest.Content(5000, 1)
	for _, step := range []int{1, 7, 64, 1000, 1024, 1025, 5000} {
		w := s.Create(t.Context(), nil)
		for part := range slices.Chunk(content, step) {
			if n, err := w.Write(part); n != len(part) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		first, err := w.Commit()
		if err != nil || first.Digest != digestOf(content) {
			t.Fatalf("in steps of %d: %+v, %v", step, first, err)
		}
		again, err := w.Commit()
		if err != nil || again != first {
			t.Fatalf("the second Commit = %+v, %v", again, err)
		}
		w.Abort()
		_, err = w.Write(content)
		wantCode(t, "Write after Commit", err, fault.InternalBug)
		if !bytes.Equal(get(t, s, first.Digest), content) {
			t.Fatal("other bytes came back")
		}
	}
}

func TestReadFromMixed(t *testing.T) {
	t.Parallel()
	s := newStore(t, memstore.New(), smallChunk)
	content := drivertest.Content(9999, 1)
	w := s.Create(t.Context(), nil)
	defer w.Abort()
	for _, step := range []func() error{
		func() error { _, err := w.Write(content[:100]); return err },
		func() error { _, err := w.ReadFrom(bytes.NewReader(content[100:4000])); return err },
		func() error { _, err := w.ReadFrom(strings.NewReader("")); return err },
		func() error {
			_, err := w.ReadFrom(iotest.OneByteReader(bytes.NewReader(content[4000:5500])))
			return err
		},
		func() error {
			_, err := w.ReadFrom(iotest.DataErrReader(bytes.NewReader(content[5500:])))
			return err
		},
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := w.Commit()
	if err != nil || f.Digest != digestOf(content) {
		t.Fatalf("Commit = %+v, %v", f, err)
	}
}

func TestPutReaderFails(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	cause := errors.New("the source broke")
	for _, size := range smallSizes {
		content := drivertest.Content(size, 1)
		r := io.MultiReader(bytes.NewReader(content), iotest.ErrReader(cause))
		if _, err := s.Put(t.Context(), r, nil); err != cause {
			t.Fatalf("Put = %v, want the reader's error as it is", err)
		}
		wantNothing(t, s, digestOf(content))
		wantFinished(t, d)
	}
	for _, name := range d.Names() {
		if !strings.HasPrefix(name, "c/") {
			t.Errorf("%s was stored", name)
		}
	}
	if _, err := s.Put(t.Context(), idleReader{}, nil); err != io.ErrNoProgress {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

func TestPutRefuses(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	for _, size := range []int64{11, 1025, 5000, 1 << 30} {
		_, err := s.Put(t.Context(), newNoise(size, 1), &artifact.PutOptions{Limit: min(size-1, 5000)})
		wantCode(t, "Put beyond the limit", err, fault.ArtifactTooLarge)
	}
	_, err := s.Put(t.Context(), newNoise(10, 1), &artifact.PutOptions{Name: "../x"})
	wantCode(t, "Put with a bad name", err, fault.SubmitBadName)
	w := s.Create(t.Context(), &artifact.PutOptions{Name: "a\nb"})
	_, err = w.Write([]byte("x"))
	wantCode(t, "Write with a bad name", err, fault.SubmitBadName)
	_, err = w.Commit()
	wantCode(t, "Commit with a bad name", err, fault.SubmitBadName)
	for _, name := range d.Names() {
		if !strings.HasPrefix(name, "c/") {
			t.Errorf("%s was stored", name)
		}
	}
}

// wantFinished fails when a blob is still being written or read.
func wantFinished(t *testing.T, d *memstore.Store) {
	t.Helper()
	if n := d.Unfinished(); n != 0 {
		t.Fatalf("%d blobs are still being written or read", n)
	}
}

// TestPutDriverFails lets every single operation of the driver fail in turn, once
// or with all that follow.
func TestPutDriverFails(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 100, 1024, 1025, 5000} {
		content := drivertest.Content(size, 1)
		for _, failing := range []int{1, -1} {
			allowed := 0
			for putFails(t, content, allowed, failing) {
				if allowed++; allowed > 100 {
					t.Fatal("100 operations for a small file")
				}
			}
			if allowed < 3 {
				t.Fatalf("after %d operations nothing fails", allowed)
			}
		}
	}
}

// putFails stores content with failing operations and reports whether that
// failed, as it must.
func putFails(t *testing.T, content []byte, allowed, failing int) bool {
	t.Helper()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	d.FailWrites(allowed, failing, memstore.ErrFull)
	f, err := s.Put(t.Context(), bytes.NewReader(content), nil)
	if err == nil {
		if !bytes.Equal(get(t, s, f.Digest), content) {
			t.Fatalf("after %d operations the content is another", allowed)
		}
		return false
	}
	wantCode(t, "Put", err, fault.ArtifactDiskFull)
	wantNothing(t, s, digestOf(content))
	wantFinished(t, d)

	d.FailWrites(0, 0, nil)
	f = put(t, s, bytes.NewReader(content))
	if !bytes.Equal(get(t, s, f.Digest), content) {
		t.Fatalf("the second try after %d operations stored other bytes", allowed)
	}
	return true
}

func TestPutCancelled(t *testing.T) {
	t.Parallel()
	draining := fault.New(fault.StageDraining, "", nil)
	for _, size := range []int64{100, 1024, 100_000} {
		d := memstore.New()
		s := newStore(t, d, smallChunk)
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := readerFunc(func([]byte) (int, error) { cancel(draining); return 0, io.EOF })
		_, err := s.Put(ctx, io.MultiReader(newNoise(size, 1), stop), nil)
		wantCode(t, "Put", err, fault.StageDraining)
		wantFinished(t, d)
		for _, name := range d.Names() {
			if !strings.HasPrefix(name, "c/") {
				t.Errorf("%s was stored", name)
			}
		}
		_, err = s.Put(ctx, newNoise(size, 1), nil)
		wantCode(t, "Put after the end", err, fault.StageDraining)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newStore(t, memstore.New(), 0).Put(ctx, newNoise(10, 1), nil)
	wantCode(t, "Put", err, fault.JobCancelled)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAbort(t *testing.T) {
	t.Parallel()
	for _, size := range smallSizes {
		d := memstore.New()
		s := newStore(t, d, smallChunk)
		content := drivertest.Content(size, 1)
		w := s.Create(t.Context(), nil)
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		w.Abort()
		w.Abort()
		_, err := w.Commit()
		wantCode(t, "Commit after Abort", err, fault.InternalBug)
		_, err = w.Write([]byte("x"))
		wantCode(t, "Write after Abort", err, fault.InternalBug)
		wantNothing(t, s, digestOf(content))
		wantFinished(t, d)
	}
}

func TestPutSameContentAtOnce(t *testing.T) {
	t.Parallel()
	for _, chunk := range []int64{64 << 10, 1 << 20} {
		s := newStore(t, mustFS(t), chunk)
		content := drivertest.Content(3<<20+17, 1)
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				f, err := s.Put(t.Context(), bytes.NewReader(content), nil)
				if err != nil || f.Digest != digestOf(content) {
					t.Errorf("Put = %+v, %v", f, err)
					return
				}
				if !bytes.Equal(get(t, s, f.Digest), content) {
					t.Error("other bytes came back")
				}
			})
		}
		all.Wait()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
