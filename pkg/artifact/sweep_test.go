package artifact_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

// timeZero makes a driver delete whatever the age.
var timeZero time.Time

func TestSweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memstore.New()
		s := newStore(t, d, smallChunk)
		kept := drivertest.Content(3000, 1)
		shared := append(bytes.Clone(kept[:1024]), drivertest.Content(2000, 2)...)
		other := drivertest.Content(5000, 3)
		put(t, s, bytes.NewReader(kept))
		small := put(t, s, bytes.NewReader(kept[:500]))
		for _, content := range [][]byte{shared, other} {
			gone := put(t, s, bytes.NewReader(content))
			if err := s.Delete(t.Context(), gone.Digest); err != nil {
				t.Fatal(err)
			}
		}

		swept := func(grace time.Duration) artifact.Swept {
			t.Helper()
			done, err := s.Sweep(t.Context(), grace)
			if err != nil {
				t.Fatal(err)
			}
			return done
		}
		if done := swept(0); done != (artifact.Swept{}) {
			t.Errorf("young chunks were swept: %+v", done)
		}
		time.Sleep(23 * time.Hour)
		// Half of what is left over is used again.
		again := put(t, s, bytes.NewReader(other[:2048]))
		time.Sleep(2 * time.Hour)

		// Two chunks of shared, and the three of other that were not used again.
		if done := swept(0); done != (artifact.Swept{Chunks: 5, Bytes: 3024 - 1024 + 5000 - 2048}) {
			t.Errorf("swept %+v", done)
		}
		if done := swept(time.Nanosecond); done != (artifact.Swept{}) {
			t.Errorf("swept chunks in use: %+v", done)
		}
		for digest, content := range map[string][]byte{
			digestOf(kept): kept, small.Digest: kept[:500], again.Digest: other[:2048],
		} {
			if diff := cmp.Diff(content, get(t, s, digest)); diff != "" {
				t.Errorf("%s is another: %s", digest, diff)
			}
		}
	})
}

// TestSweepSparesWhatItCannotRead: the chunks of a damaged manifest may be all
// that is left of a file.
func TestSweepSparesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memstore.New()
		s := newStore(t, d, smallChunk)
		content := drivertest.Content(3000, 1)
		put(t, s, bytes.NewReader(content))
		time.Sleep(48 * time.Hour)
		before := d.Names()
		d.Damage(manifestName(content), damages["middle bit"])
		_, err := s.Sweep(t.Context(), 0)
		wantCode(t, "Sweep", err, fault.ArtifactCorrupt)
		if diff := cmp.Diff(before, d.Names()); diff != "" {
			t.Error(diff)
		}
	})
}
