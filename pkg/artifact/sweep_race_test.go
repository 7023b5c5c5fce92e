package artifact_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

// interjected is a store that calls something before one of its operations.
type interjected struct {
	driver.Store
	left atomic.Int64 // operations until then
	call func()
}

func (s *interjected) count() {
	if s.left.Add(-1) == -1 {
		s.call()
	}
}

func (s *interjected) Create(ctx context.Context) (driver.Blob, error) {
	s.count()
	b, err := s.Store.Create(ctx)
	return &interjectedBlob{b, s}, err
}

func (s *interjected) Read(
	ctx context.Context, name string, offset, size int64,
) (io.ReadCloser, int64, error) {
	s.count()
	return s.Store.Read(ctx, name, offset, size)
}

func (s *interjected) Stat(ctx context.Context, name string) (int64, error) {
	s.count()
	return s.Store.Stat(ctx, name)
}

func (s *interjected) Delete(ctx context.Context, name string, before time.Time) error {
	s.count()
	return s.Store.Delete(ctx, name, before)
}

func (s *interjected) List(ctx context.Context, prefix string) iter.Seq2[driver.Info, error] {
	s.count()
	return s.Store.List(ctx, prefix)
}

type interjectedBlob struct {
	driver.Blob
	s *interjected
}

func (b *interjectedBlob) Commit(ctx context.Context, name string) error {
	b.s.count()
	return b.Blob.Commit(ctx, name)
}

// oldState returns a store with what a state speaks of that was noted long ago:
// whole chunks and a tail, and before them, when far is set, a stored place.
func oldState(t *testing.T, content []byte, far bool) (*memstore.Store, artifact.State) {
	t.Helper()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	w := s.Create(t.Context(), nil)
	write(t, w, content[:2*smallChunk])
	state := waitFor(t, w.Mark())
	if far {
		w.Abort()
		w = resume(t, s, marked{2 * smallChunk, state}, nil)
	}
	write(t, w, content[2*smallChunk:4*smallChunk+100])
	state = waitFor(t, w.Mark())
	w.Abort()
	time.Sleep(30 * time.Hour)
	return d, state
}

// goOn resumes from the state and writes the rest.
func goOn(
	t *testing.T, s *artifact.Store, state artifact.State, content []byte,
) (events.File, error) {
	w, err := s.Resume(t.Context(), state, nil)
	if err != nil {
		return events.File{}, err
	}
	defer w.Abort()
	if _, err := w.Write(content[w.Size():]); err != nil {
		return events.File{}, err
	}
	return w.Commit()
}

// wantWholeOrFault fails when content was committed and is not all there, or was
// not for another reason than that what the state spoke of was swept.
func wantWholeOrFault(t *testing.T, d driver.Store, f events.File, err error, content []byte) {
	t.Helper()
	s := artifact.New(d, &artifact.Options{ChunkSize: smallChunk})
	switch {
	case err == nil && !bytes.Equal(get(t, s, f.Digest), content):
		t.Fatal("other bytes came back")
	case err != nil && !fault.Has(err, fault.ArtifactNotFound) && !fault.Has(err, fault.ArtifactIO):
		t.Fatalf("going on: %v", err)
	case err != nil:
		wantNothing(t, s, digestOf(content))
	}
}

// TestSweepMeetsResume goes on from a state that is too old. A sweep begins before
// one operation of the writer, any one, and holds before one of its own, any one,
// until the writer has committed.
func TestSweepMeetsResume(t *testing.T) {
	t.Parallel()
	for _, far := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			seen := map[bool]int{}
			for begin := int64(0); ; begin++ {
				met := false
				for hold := int64(0); meet(t, far, begin, hold, seen); hold++ {
					met = true
				}
				if !met {
					break
				}
			}
			if seen[true] < 50 || seen[false] < 10 {
				t.Errorf("%d writers went on and %d could not: they do not meet the sweep",
					seen[true], seen[false])
			}
		})
	}
}

// meet reports whether both the writer and the sweep have so many operations.
func meet(t *testing.T, far bool, begin, hold int64, seen map[bool]int) bool {
	t.Helper()
	content := drivertest.Content(6*int(smallChunk), 1)
	d, state := oldState(t, content, far)
	held, free, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	swept := &interjected{Store: d, call: func() { close(held); <-free }}
	swept.left.Store(hold)
	written := &interjected{Store: d, call: func() {
		go func() {
			defer close(over)
			if _, err := artifact.New(swept, nil).Sweep(t.Context(), 0); err != nil {
				t.Error(err)
			}
		}()
		select {
		case <-held:
		case <-over:
		}
	}}
	written.left.Store(begin)
	s := artifact.New(written, &artifact.Options{ChunkSize: smallChunk})
	f, err := goOn(t, s, state, content)
	close(free)
	if written.left.Load() >= 0 {
		return false // the writer was done before
	}
	<-over
	wantWholeOrFault(t, d, f, err, content)
	if _, err := s.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	wantWholeOrFault(t, d, f, err, content)
	seen[err == nil]++
	return swept.left.Load() < 0
}
