package artifact_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

// interrupted returns a store with content whose writer was marked near its end
// and aborted, the state, and the content.
func interrupted(t *testing.T) (*memstore.Store, *artifact.Store, marked, []byte) {
	t.Helper()
	const chunk = 64
	d := memstore.New()
	s := newStore(t, d, chunk)
	content := drivertest.Content(700*chunk+200, 1)
	w := s.Create(t.Context(), nil)
	states := writeMarked(t, w, content, []int{700*chunk + 15})
	w.Abort()
	return d, s, states[0], content
}

// kindOf says what the blob is to the state that interrupted returns.
func kindOf(name string, content []byte) string {
	switch {
	case strings.HasPrefix(name, "p/"):
		return "place"
	case name == drivertest.Name(content[700*64:700*64+15]):
		return "tail"
	}
	return "chunk"
}

// TestResumeMissing: Resume says when anything is gone, whatever it is.
func TestResumeMissing(t *testing.T) {
	t.Parallel()
	d, s, m, content := interrupted(t)
	seen := map[string]int{}
	for _, name := range d.Names() {
		kind := kindOf(name, content)
		if seen[kind]++; kind == "chunk" && seen[kind]%50 != 1 {
			continue // one in 50 is enough
		}
		kept := blob(t, d, name)
		if err := d.Delete(t.Context(), name, timeZero); err != nil {
			t.Fatal(err)
		}
		_, err := s.Resume(t.Context(), m.state, nil)
		wantCode(t, "Resume without a "+kind, err, fault.ArtifactNotFound)
		wantFinished(t, d)
		wantNothing(t, s, digestOf(content))
		wantNothing(t, s, digestOf(content[:m.at]))
		restore(t, d, name, kept)
	}
	if seen["place"] < 2 || seen["tail"] != 1 || seen["chunk"] < 700 {
		t.Fatalf("the state speaks of %v", seen)
	}
	w := resume(t, s, m, nil)
	write(t, w, content[m.at:])
	if f := commit(t, w); f.Digest != digestOf(content) {
		t.Errorf("committed %+v", f)
	}
}

func restore(t *testing.T, d *memstore.Store, name string, b []byte) {
	t.Helper()
	w, err := d.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// TestResumeDamage: Resume says when a place, a tail or the size of a chunk is
// damaged. A chunk that has its size is not read: that it is damaged shows when
// the content is.
func TestResumeDamage(t *testing.T) {
	t.Parallel()
	d, s, m, content := interrupted(t)
	seen := map[string]int{}
	for _, name := range d.Names() {
		kind := kindOf(name, content)
		if seen[kind]++; kind != "tail" && seen[kind] > 1 {
			continue
		}
		whole := blob(t, d, name)
		for what, change := range damages {
			d.Damage(name, change)
			w, err := s.Resume(t.Context(), m.state, nil)
			if kind == "chunk" && len(blob(t, d, name)) == len(whole) {
				if err != nil {
					t.Fatalf("Resume with %s of a chunk: %v", what, err)
				}
				write(t, w, content[m.at:])
				f := commit(t, w)
				wantCorrupt(t, s, content)
				if err := s.Delete(t.Context(), f.Digest); err != nil {
					t.Fatal(err)
				}
			} else {
				wantCode(t, "Resume with "+what+" of a "+kind, err, fault.ArtifactCorrupt)
			}
			wantFinished(t, d)
			wantNothing(t, s, digestOf(content))
			wantNothing(t, s, digestOf(content[:m.at]))
			restore(t, d, name, whole)
		}
	}
	put(t, s, bytes.NewReader(content))
	if !bytes.Equal(get(t, s, digestOf(content)), content) {
		t.Error("other bytes came back")
	}
}

// TestTailLost: what a mark made durable vanishes or is damaged before the writer
// goes on with it. The writer fails so that the step is tried again.
func TestTailLost(t *testing.T) {
	t.Parallel()
	content := drivertest.Content(5000, 1)
	for _, at := range []int{1000, 1100, 2500} {
		for what, change := range damages {
			d := memstore.New()
			chunk := 192
			if at == 1100 {
				chunk = 1024
			}
			s := newStore(t, d, int64(chunk))
			w := s.Create(t.Context(), nil)
			write(t, w, content[:200]) // so that there is a pipeline
			write(t, w, content[200:at])
			waitFor(t, w.Mark())
			tail := content[at/chunk*chunk : at]
			if !d.Damage(drivertest.Name(tail), change) {
				t.Fatalf("marked at %d, and no tail is there", at)
			}
			_, err := w.Write(content[at:])
			if err == nil {
				_, err = w.Commit()
			}
			if what == "longer" && err == nil { // what is needed is there
				if !bytes.Equal(get(t, s, digestOf(content)), content) {
					t.Fatal("other bytes came back")
				}
				continue
			}
			wantCode(t, "writing on after "+what, err, fault.ArtifactIO)
			w.Abort()
			wantFinished(t, d)
			wantNothing(t, s, digestOf(content))
		}
	}
}

// TestChunkLost: chunks vanish after Resume has looked for them. Commit looks
// again before it stores the manifest.
func TestChunkLost(t *testing.T) {
	t.Parallel()
	d, s, m, content := interrupted(t)
	w := resume(t, s, m, nil)
	write(t, w, content[m.at:])
	if err := d.Delete(t.Context(), drivertest.Name(content[64:128]), timeZero); err != nil {
		t.Fatal(err)
	}
	_, err := w.Commit()
	wantCode(t, "Commit without a chunk", err, fault.ArtifactIO)
	wantNothing(t, s, digestOf(content))
	wantFinished(t, d)
}
