package artifact_test

import (
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/millrace/millrace/pkg/artifact/fsstore"
)

const (
	streams = 2
	// heapCeiling is what streams writers and readers at once may add to the
	// heap, with the garbage that the collector has not found yet. A single
	// stream held in memory would be many times that.
	heapCeiling = 24 << 20
)

// streamSize is how long each is.
func streamSize() int64 { return int64(fewer(256)) << 20 }

// fewer is n, or a third of it when tests are to be short: under the race detector
// each byte takes many times as long.
func fewer(n int) int {
	if testing.Short() {
		return n / 3
	}
	return n
}

// TestMemory streams contents many times larger than the ceiling. It does not
// run beside other tests, whose memory would count.
func TestMemory(t *testing.T) {
	s := openStore(t, t.TempDir(), &fsstore.Options{NoSync: true, Reserve: -1})
	runtime.GC()
	meter := &meter{base: heap()}
	var all sync.WaitGroup
	for i := range streams {
		all.Go(func() {
			size := streamSize() + int64(i)
			f, err := s.Put(t.Context(), meter.reader(io.LimitReader(zeros{}, size)), nil)
			if err != nil || f.Size != size {
				t.Errorf("Put = %+v, %v", f, err)
				return
			}
			r, err := s.Open(t.Context(), f.Digest)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if n, err := io.Copy(io.Discard, meter.reader(r)); n != size || err != nil {
				t.Errorf("read %d bytes, %v", n, err)
			}
		})
	}
	all.Wait()
	t.Logf("%d streams of %d MiB took %d KiB of heap", streams, streamSize()>>20, meter.peak>>10)
	if meter.peak > heapCeiling {
		t.Errorf("the heap grew by %d bytes, at most %d are allowed", meter.peak, heapCeiling)
	}
}

// TestMemoryOfMarks marks contents many times larger than the ceiling, and goes on
// from the last mark. It does not run beside other tests.
func TestMemoryOfMarks(t *testing.T) {
	s := openStore(t, t.TempDir(), &fsstore.Options{NoSync: true, Reserve: -1})
	runtime.GC()
	meter := &meter{base: heap()}
	const step = 16<<20 + 12_345
	var all sync.WaitGroup
	for range streams {
		all.Go(func() {
			w := s.Create(t.Context(), nil)
			defer func() { w.Abort() }()
			for w.Size() < streamSize() {
				if _, err := w.ReadFrom(meter.reader(io.LimitReader(zeros{}, step))); err != nil {
					t.Error(err)
					return
				}
				state, err := w.Mark().Wait(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if w.Size() > streamSize()/2 {
					w.Abort()
					if w, err = s.Resume(t.Context(), state, nil); err != nil {
						t.Error(err)
						return
					}
				}
			}
			if f, err := w.Commit(); err != nil || f.Size%step != 0 {
				t.Errorf("Commit = %+v, %v", f, err)
			}
		})
	}
	all.Wait()
	t.Logf("%d streams of %d MiB took %d KiB of heap", streams, streamSize()>>20, meter.peak>>10)
	if meter.peak > heapCeiling {
		t.Errorf("the heap grew by %d bytes, at most %d are allowed", meter.peak, heapCeiling)
	}
}

// heap returns the bytes of live and not yet collected objects.
func heap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// meter finds the peak of the heap while bytes pass.
type meter struct {
	mu         sync.Mutex
	base, peak int64
}

func (m *meter) reader(r io.Reader) io.Reader { return &metered{m: m, r: r} }

type metered struct {
	m    *meter
	r    io.Reader
	seen int64
}

func (r *metered) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if before := r.seen; before>>22 != (before+int64(n))>>22 { // every 4 MiB
		r.m.mu.Lock()
		r.m.peak = max(r.m.peak, heap()-r.m.base)
		r.m.mu.Unlock()
	}
	r.seen += int64(n)
	return n, err
}
