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

// oldState returns a store with what a state speaks of that was noted long ago: a
// stored place, whole chunks since then, and a tail.
func oldState(t *testing.T, content []byte) (*memstore.Store, artifact.State) {
	t.Helper()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	w := s.Create(t.Context(), nil)
	write(t, w, content[:3*smallChunk])
	state := waitFor(t, w.Mark())
	w.Abort()
	w = resume(t, s, marked{3 * smallChunk, state}, nil)
	write(t, w, content[3*smallChunk:5*smallChunk+100])
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
func wantWholeOrFault(
	t *testing.T, d driver.Store, f events.File, err error, content []byte, where int64,
) {
	t.Helper()
	s := artifact.New(d, &artifact.Options{ChunkSize: smallChunk})
	switch {
	case err == nil && !bytes.Equal(get(t, s, f.Digest), content):
		t.Fatalf("before operation %d: other bytes came back", where)
	case err != nil && !fault.Has(err, fault.ArtifactNotFound) && !fault.Has(err, fault.ArtifactIO):
		t.Fatalf("before operation %d: %v", where, err)
	case err != nil:
		wantNothing(t, s, digestOf(content))
	}
}

// TestResumeDuringSweep resumes from a state that is too old before every single
// operation of a sweep.
func TestResumeDuringSweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		content := drivertest.Content(7*int(smallChunk), 1)
		good, bad := 0, 0
		for at, done := int64(0), false; !done; at++ {
			d, state := oldState(t, content)
			var f events.File
			var err error
			slow := &interjected{Store: d, call: func() {
				f, err = goOn(t, newStore(t, d, smallChunk), state, content)
			}}
			slow.left.Store(at)
			if _, err := artifact.New(slow, nil).Sweep(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			if done = slow.left.Load() >= 0; done {
				break
			}
			wantWholeOrFault(t, d, f, err, content, at)
			if err == nil {
				good++
			} else {
				bad++
			}
			sweep(t, newStore(t, d, smallChunk))
			wantWholeOrFault(t, d, f, err, content, at)
		}
		if good < 3 || bad < 3 {
			t.Errorf("%d went on and %d could not: the test does not meet the sweep", good, bad)
		}
	})
}

// TestSweepDuringResume sweeps before every single operation of a writer that is
// resumed from a state that is too old.
func TestSweepDuringResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		content := drivertest.Content(7*int(smallChunk), 1)
		good, bad := 0, 0
		for at, done := int64(0), false; !done; at++ {
			d, state := oldState(t, content)
			slow := &interjected{Store: d, call: func() {
				if _, err := newStore(t, d, smallChunk).Sweep(t.Context(), 0); err != nil {
					t.Error(err)
				}
			}}
			slow.left.Store(at)
			s := artifact.New(slow, &artifact.Options{ChunkSize: smallChunk})
			f, err := goOn(t, s, state, content)
			if done = slow.left.Load() >= 0; done {
				break
			}
			wantWholeOrFault(t, d, f, err, content, at)
			if err == nil {
				good++
			} else {
				bad++
			}
		}
		if good < 3 || bad < 1 {
			t.Errorf("%d went on and %d could not: the test does not meet the sweep", good, bad)
		}
	})
}
