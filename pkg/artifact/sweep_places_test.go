package artifact_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

func sweep(t *testing.T, s *artifact.Store) artifact.Swept {
	t.Helper()
	done, err := s.Sweep(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// countNames returns how many blobs have that prefix.
func countNames(d *memstore.Store, prefix string) int {
	n := 0
	for _, name := range d.Names() {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

// TestSweepSparesSlowWriter: a writer that takes days, with a mark now and then,
// loses nothing, and each state is good for a day.
func TestSweepSparesSlowWriter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ chunk, step int }{
		{64, 64*200 + 7}, {1024, 700}, {1024, 2048}, {100_000, 100},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := memstore.New()
			s := newStore(t, d, int64(c.chunk))
			content := drivertest.Content(c.step*13, 1)
			w := s.Create(t.Context(), nil)
			for w.Size() < int64(len(content)) {
				write(t, w, content[w.Size():w.Size()+int64(c.step)])
				m := marked{w.Size(), waitFor(t, w.Mark())}
				time.Sleep(23 * time.Hour)
				sweep(t, s)
				if w.Size()/int64(c.step)%3 == 0 { // it is another writer that goes on
					w.Abort()
					w = resume(t, s, m, nil)
				} else {
					resume(t, s, m, nil).Abort()
				}
				time.Sleep(30 * time.Minute)
				sweep(t, s)
			}
			if f := commit(t, w); f.Digest != digestOf(content) {
				t.Fatalf("committed %+v", f)
			}
			time.Sleep(48 * time.Hour)
			sweep(t, s)
			if n := countNames(d, "p/"); n != 0 {
				t.Errorf("%d places stay", n)
			}
			if !bytes.Equal(get(t, s, digestOf(content)), content) {
				t.Error("other bytes came back")
			}
			// Each mark may have ended a chunk.
			n, chunks := countNames(d, "c/"), (len(content)+c.chunk-1)/c.chunk
			if chunks > 1 && (n < chunks || n > chunks+13) || chunks == 1 && n != 0 {
				t.Errorf("%d chunks stay, of %d", n, chunks)
			}
			if err := s.Delete(t.Context(), digestOf(content)); err != nil {
				t.Fatal(err)
			}
			sweep(t, s)
			if n := countNames(d, "c/"); n != 0 {
				t.Errorf("%d chunks of nothing stay", n)
			}
		})
	}
}

// TestSweepTakesOldState: what nobody goes on with goes, and Resume says so.
func TestSweepTakesOldState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s, m, _ := interrupted(t)
		time.Sleep(24 * time.Hour)
		if done := sweep(t, s); done != (artifact.Swept{}) {
			t.Errorf("swept %+v after a day", done)
		}
		resume(t, s, m, nil).Abort() // counts as a mark
		time.Sleep(24 * time.Hour)
		resume(t, s, m, nil).Abort()
		time.Sleep(24 * time.Hour)
		sweep(t, s)
		resume(t, s, m, nil).Abort()
		time.Sleep(25 * time.Hour)
		if done := sweep(t, s); done.Chunks < 700 {
			t.Errorf("swept %+v", done)
		}
		if left := d.Names(); len(left) != 0 {
			t.Errorf("%d blobs stay", len(left))
		}
		_, err := s.Resume(t.Context(), m.state, nil)
		wantCode(t, "Resume of an old state", err, fault.ArtifactNotFound)
		time.Sleep(25 * time.Hour)
		sweep(t, s)
		if left := d.Names(); len(left) != 0 {
			t.Errorf("%d blobs stay", len(left))
		}
	})
}

// TestSweepStopsAtDamagedPlace: the chunks that it named may be those of a writer
// that goes on. A day later nobody needs it.
func TestSweepStopsAtDamagedPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s, m, _ := interrupted(t)
		time.Sleep(20 * time.Hour)
		resume(t, s, m, nil).Abort()
		time.Sleep(20 * time.Hour)
		before := len(d.Names())
		for _, name := range d.Names() {
			if strings.HasPrefix(name, "p/") {
				d.Damage(name, damages["middle bit"])
			}
		}
		_, err := s.Sweep(t.Context(), 0)
		wantCode(t, "Sweep", err, fault.ArtifactCorrupt)
		if after := len(d.Names()); after != before {
			t.Errorf("%d of %d blobs are left", after, before)
		}
		time.Sleep(10 * time.Hour)
		sweep(t, s)
		if left := d.Names(); len(left) != 0 {
			t.Errorf("%d blobs stay", len(left))
		}
	})
}
