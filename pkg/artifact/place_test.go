package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

// samplePlace is a place with n chunks of its own, after first others, with
// made-up digests.
func samplePlace(block, chunk, first, n, tail int64) *place {
	p := &place{
		block: block, chunk: chunk, size: (first+n)*chunk + tail, at: 1_800_000_000,
		first: first, base: first * chunk,
		chunks: make([]extent, n), states: make([]state, n*chunk/block),
	}
	if first > 0 {
		p.before = sha256.Sum256([]byte("before"))
	}
	if tail > 0 {
		p.tail = sha256.Sum256([]byte("tail"))
	}
	for i := range p.chunks {
		p.chunks[i] = extent{sha256.Sum256([]byte{'c', byte(i)}), (first + int64(i) + 1) * chunk}
	}
	for i := range p.states {
		p.states[i] = sha256.Sum256([]byte{'s', byte(i)})
	}
	return p
}

var samplePlaces = []*place{
	samplePlace(64, 64, 0, 0, 1), samplePlace(64, 64, 0, 0, 64), samplePlace(64, 128, 0, 2, 0),
	samplePlace(64, 128, 7, 0, 127), samplePlace(64, 192, 3, 5, 1),
	unevenPlace(64, 64, 3, 64, 66), unevenPlace(64, 192, 100), unevenPlace(128, 128, 100, 128, 130),
}

// unevenPlace is a place whose chunks end at these bytes, without a tail.
func unevenPlace(block, chunk int64, ends ...int64) *place {
	size := ends[len(ends)-1]
	p := samplePlace(block, chunk, 0, 0, 0)
	p.size, p.states = size, make([]state, size/block)
	for i, end := range ends {
		p.chunks = append(p.chunks, extent{sha256.Sum256([]byte{'c', byte(i)}), end})
	}
	if size%block != 0 {
		p.middle.state, p.middle.rest = sha256.Sum256([]byte("middle")), [64]byte{1}
	}
	return p
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for _, p := range samplePlaces {
		back, err := decodePlace(p.encode())
		if diff := cmp.Diff(p, back, cmp.AllowUnexported(place{}, extent{}, middle{})); err != nil || diff != "" {
			t.Error(err, diff)
		}
		st, err := p.state()
		if err != nil {
			t.Fatal(err)
		}
		back, err = readState(st, sizesFor(p.chunk))
		if p.block != sizesFor(p.chunk).block {
			if err == nil {
				t.Error("the state of a store with other blocks was taken")
			}
			continue
		}
		if diff := cmp.Diff(p, back, cmp.AllowUnexported(place{}, extent{}, middle{})); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
}

// TestPlaceFormat pins the bytes: a step that is interrupted goes on after an
// upgrade.
func TestPlaceFormat(t *testing.T) {
	t.Parallel()
	got := sha256.Sum256(samplePlace(64, 128, 3, 2, 1).encode())
	const want = "2a0a71f0f5a21279008f10763f67e58837d00dd91eedf792067a7e2087188553"
	if hex.EncodeToString(got[:]) != want {
		t.Errorf("the place has digest %x, want %s", got, want)
	}
}

// TestStateSize: the largest states there are.
func TestStateSize(t *testing.T) {
	t.Parallel()
	for _, chunk := range []int64{64, 100_000, 1 << 20, 8 << 20, 33 << 20, 64 << 20} {
		z := sizesFor(chunk)
		p := samplePlace(z.block, z.chunk, 100, placeRoom/(extentSize+z.chunk/z.block*sha256.Size), 1)
		st, err := p.state()
		if err != nil || len(st) > maxState {
			t.Errorf("chunks of %d: a state of %d bytes, %v", chunk, len(st), err)
		}
		if _, err := readState(st, z); err != nil {
			t.Errorf("chunks of %d: %v", chunk, err)
		}
	}
}

// TestPlaceDamage: every single bit counts.
func TestPlaceDamage(t *testing.T) {
	t.Parallel()
	b := samplePlace(64, 128, 1, 2, 5).encode()
	for i := range b {
		for bit := range 8 {
			damaged := bytes.Clone(b)
			damaged[i] ^= 1 << bit
			if _, err := decodePlace(damaged); err == nil {
				t.Fatalf("bit %d of byte %d may change", bit, i)
			}
		}
		if _, err := decodePlace(b[:i]); err == nil {
			t.Fatalf("%d of %d bytes are enough", i, len(b))
		}
	}
	if _, err := decodePlace(append(b, 0)); err == nil {
		t.Fatal("a byte more is taken")
	}
}

// TestPlaceForged has places with a right checksum that cannot be.
func TestPlaceForged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b []byte){
		"version":       func(b []byte) { b[7] = '1' },
		"no block":      func(b []byte) { clear(b[8:16]) },
		"odd block":     func(b []byte) { b[15]++ },
		"minus":         func(b []byte) { b[8] |= 0x80 },
		"no chunk":      func(b []byte) { clear(b[16:24]) },
		"odd chunk":     func(b []byte) { b[23]++ },
		"huge chunk":    func(b []byte) { b[16] = 1 },
		"no content":    func(b []byte) { clear(b[24:32]) },
		"less content":  func(b []byte) { b[30]-- },
		"minus content": func(b []byte) { b[24] = 0xff },
		"huge first":    func(b []byte) { b[32] = 0x7f },
		"minus first":   func(b []byte) { b[32] = 0xff },
		"no first":      func(b []byte) { clear(b[32:40]) },
		"no base":       func(b []byte) { clear(b[40:48]) },
		"less base":     func(b []byte) { b[46]-- },
		"no before":     func(b []byte) { clear(b[56:88]) },
		"more chunks":   func(b []byte) { b[placeHeader-1]++ },
		"many chunks":   func(b []byte) { b[placeHeader-8] = 0xff },
		"another end":   func(b []byte) { b[placeHeader+39]++ },
	} {
		b := samplePlace(64, 128, 3, 4, 0).encode()
		change(b)
		if p, err := decodePlace(signed(b)); err == nil {
			t.Errorf("%s: decoded as %+v", name, p)
		}
	}
}

// TestBadStates has what is no state of a writer, or of another store.
func TestBadStates(t *testing.T) {
	t.Parallel()
	s := New(memstore.New(), &Options{ChunkSize: 128})
	z := s.sizes
	bad := map[string]State{
		"nothing": nil, "null": State("null"), "a number": State("7"), "no JSON": State("{"),
		"an empty object": State("{}"), "no base64": State(`{"place":"!"}`),
		"too long": State(`{"place":"` + strings.Repeat("A", maxState) + `"}`),
	}
	for name, p := range map[string]*place{
		"other chunks":      samplePlace(64, 64, 0, 2, 1),
		"other blocks":      samplePlace(64, 128, 0, 2, 1),
		"too few chunks":    {block: z.block, chunk: z.chunk, size: 1000, tail: sum{1}},
		"no middle":         {block: z.block, chunk: z.chunk, size: 1, chunks: []extent{{sum{1}, 1}}},
		"a middle too much": {block: z.block, chunk: z.chunk, middle: middle{state: state{1}}},
		"no tail":           {block: z.block, chunk: z.chunk, size: 100},
		"a tail of nothing": {block: z.block, chunk: z.chunk, tail: sum{1}},
		"more than can be":  samplePlace(128, 128, 1<<40, 1, 0),
		"as large as can be": {
			block: z.block, chunk: z.chunk, size: 1<<63 - 1, first: 1<<56 - 1, base: 1<<63 - 128,
			before: sum{1}, tail: sum{1},
		},
	} {
		var err error
		if bad[name], err = p.state(); err != nil {
			t.Fatal(err)
		}
	}
	for name, st := range bad {
		if _, err := s.Resume(t.Context(), st, nil); !fault.Has(err, fault.ArtifactBadState) {
			t.Errorf("%s: %v, want code artifact.bad_state", name, err)
		}
	}
}

// FuzzState resumes from any bytes, and from any place with a right checksum:
// that gives a writer or a fault.
func FuzzState(f *testing.F) {
	f.Add([]byte("{}"), false)
	for _, p := range samplePlaces {
		st, err := p.state()
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(st), false)
		f.Add(p.encode(), true)
	}
	z := sizesFor(64)
	tail := []byte("the bytes beyond")
	f.Add((&place{block: z.block, chunk: z.chunk, size: 16, tail: sha256.Sum256(tail)}).encode(), true)
	f.Fuzz(func(t *testing.T, b []byte, sign bool) {
		d := memstore.New()
		s := New(d, &Options{ChunkSize: 64})
		if err := s.store(t.Context(), chunkName(sha256.Sum256(tail)), tail); err != nil {
			t.Fatal(err)
		}
		st := State(b)
		if sign && len(b) > sha256.Size {
			var err error
			if st, err = json.Marshal(savedPlace{Place: signed(b)}); err != nil {
				t.Fatal(err)
			}
		}
		w, err := s.Resume(t.Context(), st, nil)
		if err == nil {
			w.Abort()
		} else if fault.ClassOf(err) == fault.Unclassified {
			t.Errorf("%v is no fault", err)
		}
		if n := d.Unfinished(); n != 0 {
			t.Errorf("%d blobs are still being written or read", n)
		}
	})
}

// TestForgedWay has a chain of stored places that contradict each other.
func TestForgedWay(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := New(d, &Options{ChunkSize: 128})
	store := func(p *place) sum {
		t.Helper()
		b := p.encode()
		name := sum(sha256.Sum256(b))
		if err := s.store(t.Context(), placeName(name), b); err != nil {
			t.Fatal(err)
		}
		return name
	}
	long := bytes.Repeat([]byte{1}, maxPlace+1)
	longName := sum(sha256.Sum256(long))
	if err := s.store(t.Context(), placeName(longName), long); err != nil {
		t.Fatal(err)
	}
	empty := samplePlace(128, 128, 2, 0, 0)
	for name, before := range map[string]sum{
		"ends elsewhere":  store(samplePlace(128, 128, 0, 3, 0)),
		"other chunks":    store(samplePlace(64, 64, 0, 2, 0)),
		"other blocks":    store(samplePlace(64, 128, 0, 2, 0)),
		"names no chunks": store(empty),
		"too long":        longName,
	} {
		p := samplePlace(128, 128, 2, 2, 0)
		p.before = before
		st, err := p.state()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Resume(t.Context(), st, nil); !fault.Has(err, fault.ArtifactCorrupt) {
			t.Errorf("%s: %v, want code artifact.corrupt", name, err)
		}
	}
}

// TestWayIsShort: states are small, and yet few places are read to go on from one.
func TestWayIsShort(t *testing.T) {
	t.Parallel()
	s := New(memstore.New(), &Options{ChunkSize: 64})
	w := s.Create(t.Context(), nil)
	defer w.Abort()
	const chunks, each = 3000, 20
	for range chunks / each {
		if _, err := w.Write(make([]byte, each*64)); err != nil {
			t.Fatal(err)
		}
		st, err := w.Mark().Wait(t.Context())
		if err != nil || len(st) > 4<<10 {
			t.Fatalf("a state of %d bytes, %v", len(st), err)
		}
		p, err := readState(st, s.sizes)
		if err != nil {
			t.Fatal(err)
		}
		way, err := s.walk(t.Context(), p)
		if full := p.count() * (extentSize + sha256.Size) / placeRoom; err != nil || int64(len(way)) > full+3 {
			t.Fatalf("%d places are read for %d chunks, which fill %d: %v", len(way), p.count(), full, err)
		}
	}
}

// TestMarkKeepsNothing: a store that fails to store a place fails the mark and
// not the writer, and the next mark makes up for it.
func TestMarkKeepsNothing(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := New(d, &Options{ChunkSize: 64})
	w := s.Create(t.Context(), nil)
	content := make([]byte, 64*(placeRoom/(extentSize+sha256.Size)+2))
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	m := w.Mark()
	if err := m.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.FailWrites(0, -1, memstore.ErrFull)
	if _, err := m.Wait(t.Context()); !fault.Has(err, fault.ArtifactDiskFull) {
		t.Fatalf("Wait = %v, want code artifact.disk_full", err)
	}
	d.FailWrites(0, 0, nil)
	st, err := w.Mark().Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if w, err = s.Resume(t.Context(), st, nil); err != nil {
		t.Fatal(err)
	}
	f, err := w.Commit()
	if err != nil || f.Size != int64(len(content)) {
		t.Fatalf("Commit = %+v, %v", f, err)
	}
	r, err := s.Open(t.Context(), f.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%d other bytes, %v", len(got), err)
	}
}
