package artifact_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/artifact/memstore"
)

// marked is a state and where it was taken.
type marked struct {
	at    int64
	state artifact.State
}

// write appends b to w.
func write(t testing.TB, w *artifact.Writer, b []byte) {
	t.Helper()
	if n, err := w.Write(b); n != len(b) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
}

// waitFor returns the state of m.
func waitFor(t testing.TB, m *artifact.Mark) artifact.State {
	t.Helper()
	st, err := m.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(st) > 40<<10 {
		t.Fatalf("the state takes %d bytes", len(st))
	}
	return st
}

// writeMarked appends content to w in pieces that end at these places, from where
// w is, and marks each. Odd marks are waited for at once, others at the end.
func writeMarked(t testing.TB, w *artifact.Writer, content []byte, places []int) []marked {
	t.Helper()
	var marks []*artifact.Mark
	states := make([]marked, len(places))
	for i, at := range places {
		write(t, w, content[w.Size():at])
		marks = append(marks, w.Mark())
		states[i].at = w.Size()
		if i%2 == 1 {
			states[i].state = waitFor(t, marks[i])
		}
	}
	for i, m := range marks {
		if states[i].state == nil {
			states[i].state = waitFor(t, m)
		}
	}
	return states
}

func resume(t testing.TB, s *artifact.Store, m marked, o *artifact.PutOptions) *artifact.Writer {
	t.Helper()
	w, err := s.Resume(t.Context(), m.state, o)
	if err != nil {
		t.Fatalf("resume at %d: %v", m.at, err)
	}
	if w.Size() != m.at || w.Ended() {
		t.Fatalf("resumed at %d instead of %d", w.Size(), m.at)
	}
	return w
}

func commit(t testing.TB, w *artifact.Writer) events.File {
	t.Helper()
	f, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if !w.Ended() {
		t.Fatal("a committed writer has not ended")
	}
	return f
}

// wantOnly checks that there is the content, and no other.
func wantOnly(t testing.TB, d driver.Store, digest string) {
	t.Helper()
	for info, err := range d.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(info.Name, "c/") && !strings.HasPrefix(info.Name, "p/") &&
			!strings.HasSuffix(info.Name, strings.TrimPrefix(digest, "sha256:")) {
			t.Fatalf("%s was stored, too", info.Name)
		}
	}
}

// wantRanges reads parts of the content that begin and end around the places.
func wantRanges(t testing.TB, s *artifact.Store, content []byte, places []int) {
	t.Helper()
	for i, at := range places {
		begin := max(0, at-3-i)
		end := min(len(content), places[len(places)-1-i/2]+i)
		if begin > end {
			continue
		}
		r, err := s.OpenRange(t.Context(), digestOf(content), int64(begin), int64(end-begin))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, content[begin:end]) {
			t.Fatalf("bytes %d to %d are others: %v", begin, end, err)
		}
	}
}

// TestResume: whatever the sizes, places and marks, what a resumed writer commits
// is what an uninterrupted one does.
func TestResume(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for round := range fewer(36) {
		chunk := []int64{64, 128, 1024, 4096, 30_016, 2 << 20}[round%6]
		most := 12
		if round%6 == 5 {
			most = 3
		}
		size := random.IntN(most * int(chunk))
		if round%5 == 0 {
			size = random.IntN(most) * int(chunk)
		}
		places := randomPlaces(random, int(chunk), size)
		if chunk > 1<<20 {
			places = places[:min(3, len(places))]
		}
		testResume(t, chunk, size, round, places)
	}
}

// randomPlaces returns places in content of that size, in order: some twice, some
// at the ends of chunks.
func randomPlaces(random *rand.Rand, chunk, size int) []int {
	var places []int
	for range 1 + random.IntN(8) {
		at := random.IntN(size + 1)
		if random.IntN(2) == 0 {
			at = at / chunk * chunk
		}
		places = append(places, at)
		if random.IntN(4) == 0 {
			places = append(places, at)
		}
	}
	slices.Sort(places)
	return places
}

func testResume(t *testing.T, chunk int64, size, seed int, places []int) {
	t.Helper()
	content := drivertest.Content(size, seed)
	want := put(t, newStore(t, memstore.New(), chunk), bytes.NewReader(content))

	d := memstore.New()
	s := newStore(t, d, chunk)
	w := s.Create(t.Context(), nil)
	states := writeMarked(t, w, content, places)
	if seed%2 == 0 {
		w.Abort()
	} else {
		write(t, w, content[w.Size():])
		if diff := cmp.Diff(want, commit(t, w)); diff != "" {
			t.Fatalf("chunk %d, size %d, marks %v: %s", chunk, size, places, diff)
		}
	}
	for i := range 2 * len(states) { // each twice, when that is cheap
		if size > 1<<20 && i%2 == 0 {
			continue
		}
		m := states[i/2]
		if err := s.Delete(t.Context(), want.Digest); err != nil {
			t.Fatal(err)
		}
		w := resume(t, s, m, &artifact.PutOptions{Limit: int64(size)})
		write(t, w, content[m.at:])
		if diff := cmp.Diff(want, commit(t, w)); diff != "" {
			t.Fatalf("chunk %d, size %d, resumed at %d: %s", chunk, size, m.at, diff)
		}
		wantOnly(t, d, want.Digest)
		wantRanges(t, s, content, places)
		if !bytes.Equal(get(t, s, want.Digest), content) {
			t.Fatalf("chunk %d, size %d, resumed at %d: other bytes", chunk, size, m.at)
		}
	}
	wantFinished(t, d)
}

// TestResumeBorders marks and resumes at every border of the sizes that programs
// use.
func TestResumeBorders(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		size   int
		places []int
	}{
		{0, []int{0, 0}},
		{1, []int{0, 1}},
		{32 << 10, []int{32<<10 - 1, 32 << 10}},
		{256 << 10, []int{32<<10 + 1, 256<<10 - 1, 256 << 10}},
		{1<<20 + 1, []int{256 << 10, 256<<10 + 1, 1 << 20, 1<<20 + 1}},
		{8 << 20, []int{1 << 20, 8<<20 - 1, 8 << 20}},
		{8<<20 + 1, []int{8 << 20, 8 << 20, 8<<20 + 1}},
		{16 << 20, []int{8<<20 - 1, 8<<20 + 1, 16 << 20}},
		{17<<20 + 5, []int{0, 8 << 20, 16 << 20, 17 << 20, 17<<20 + 5}},
	} {
		t.Run(fmt.Sprint(c.size), func(t *testing.T) {
			t.Parallel()
			testResume(t, 0, c.size, i, c.places)
		})
	}
}

// TestResumeAgain goes on from the mark of a resumed writer, many times, so that
// the state cannot hold all chunks. Half of the time a new store is opened on the
// directory while the old one, whose writer is neither committed nor aborted, is
// still there.
func TestResumeAgain(t *testing.T) {
	t.Parallel()
	const chunk = 64
	content := drivertest.Content(900*chunk+17, 1)
	dir := t.TempDir()
	open := func() (driver.Store, *artifact.Store) {
		d, err := fsstore.New(dir, &fsstore.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		return d, newStore(t, d, chunk)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	d, s := open()
	w := s.Create(t.Context(), nil)
	at := 0
	for at < len(content) {
		at = min(len(content), at+random.IntN(350*chunk))
		write(t, w, content[w.Size():at])
		state := waitFor(t, w.Mark())
		t.Cleanup(w.Abort)
		if random.IntN(2) == 0 {
			d, s = open()
		}
		w = resume(t, s, marked{int64(at), state}, nil)
	}
	if f := commit(t, w); f.Digest != digestOf(content) {
		t.Fatalf("committed %+v", f)
	}
	wantOnly(t, d, digestOf(content))
	if !bytes.Equal(get(t, s, digestOf(content)), content) {
		t.Error("other bytes came back")
	}
}
