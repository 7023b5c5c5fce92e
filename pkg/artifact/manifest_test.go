package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

// sampleManifest is the manifest of content of size bytes, with made-up digests.
func sampleManifest(block, chunk, size int64) *manifest {
	m := &manifest{block: block, chunk: chunk, size: size, digest: sha256.Sum256([]byte("content")), states: []state{}}
	for i := range ceil(size, chunk) {
		m.chunks = append(m.chunks, extent{sha256.Sum256([]byte{'c', byte(i)}), min((i+1)*chunk, size)})
	}
	for i := range ceil(size, block) - 1 {
		m.states = append(m.states, sha256.Sum256([]byte{'s', byte(i)}))
	}
	return m
}

// unevenManifest is the manifest of content whose chunks end at these bytes.
func unevenManifest(block, chunk int64, ends ...int64) *manifest {
	size := ends[len(ends)-1]
	m := sampleManifest(block, chunk, size)
	m.chunks = nil
	for i, end := range ends {
		m.chunks = append(m.chunks, extent{sha256.Sum256([]byte{'c', byte(i)}), end})
	}
	return m
}

var unevenManifests = []*manifest{
	unevenManifest(64, 64, 1), unevenManifest(64, 64, 64), unevenManifest(64, 128, 100, 228, 300),
	unevenManifest(64, 128, 128, 130, 256), unevenManifest(1<<20, 8<<20, 5<<20+7, 8<<20, 16<<20),
}

func TestManifest(t *testing.T) {
	t.Parallel()
	for _, m := range append([]*manifest{
		sampleManifest(64, 64, 65), sampleManifest(64, 128, 1000), sampleManifest(1<<20, 8<<20, 9<<20+1),
	}, unevenManifests...) {
		b := m.encode()
		if m.even() && int64(len(b)) != manifestSize(m.block, m.chunk, m.size) {
			t.Errorf("%d bytes, want %d", len(b), manifestSize(m.block, m.chunk, m.size))
		}
		back, err := decodeManifest(b)
		if diff := cmp.Diff(m, back, cmp.AllowUnexported(manifest{}, extent{})); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
}

// TestManifestFormat pins the bytes: what is stored today is read for ever.
func TestManifestFormat(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]*manifest{
		"3957e1398a21a8d7a9213af8a4a53ee5a6cd3cd6a8b677f1e9b8fde82647527d": sampleManifest(64, 128, 1000),
		"c0ee210b9729c0cc1fbe8c245599401a21f3f105f427aa68d14b11fac9959505": unevenManifest(64, 128, 100, 228, 300),
	} {
		got := sha256.Sum256(m.encode())
		if hex.EncodeToString(got[:]) != want {
			t.Errorf("the manifest has digest %x, want %s", got, want)
		}
	}
}

// TestManifestDamage: every single bit counts.
func TestManifestDamage(t *testing.T) {
	t.Parallel()
	for _, m := range []*manifest{sampleManifest(64, 128, 300), unevenManifest(64, 128, 100, 228, 300)} {
		b := m.encode()
		for i := range b {
			for bit := range 8 {
				damaged := bytes.Clone(b)
				damaged[i] ^= 1 << bit
				if _, err := decodeManifest(damaged); err == nil {
					t.Fatalf("bit %d of byte %d may change", bit, i)
				}
			}
			if _, err := decodeManifest(b[:i]); err == nil {
				t.Fatalf("%d of %d bytes are enough", i, len(b))
			}
		}
		if _, err := decodeManifest(append(b, 0)); err == nil {
			t.Fatal("a byte more is taken")
		}
	}
}

// signed puts the right checksum at the end of b.
func signed(b []byte) []byte {
	body := b[:len(b)-sha256.Size]
	check := sha256.Sum256(body)
	return append(bytes.Clone(body), check[:]...)
}

// TestManifestForged has manifests with a right checksum and impossible sizes.
func TestManifestForged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b []byte){
		"version":     func(b []byte) { b[7] = '3' },
		"uneven":      func(b []byte) { b[7] = '2' },
		"no block":    func(b []byte) { clear(b[8:16]) },
		"odd block":   func(b []byte) { b[15]++ },
		"huge block":  func(b []byte) { b[8], b[16] = 0x40, 0x40 },
		"minus":       func(b []byte) { b[8] |= 0x80 },
		"no chunk":    func(b []byte) { clear(b[16:24]) },
		"odd chunk":   func(b []byte) { b[23]++ },
		"huge chunk":  func(b []byte) { b[16] = 1 },
		"no content":  func(b []byte) { clear(b[24:32]) },
		"more":        func(b []byte) { b[30]++ },
		"a bit more":  func(b []byte) { b[31] = 0xff },
		"huge":        func(b []byte) { b[24] = 0x7f },
		"less than 0": func(b []byte) { b[24] = 0xff },
	} {
		b := sampleManifest(64, 128, 300).encode()
		change(b)
		if m, err := decodeManifest(signed(b)); err == nil {
			t.Errorf("%s: decoded as %+v", name, m)
		}
	}
}

// TestUnevenForged has chunks that cannot be.
func TestUnevenForged(t *testing.T) {
	t.Parallel()
	const count, first = headerSize, headerSize + 8 // where the bytes are
	end := func(i int) int { return first + i*extentSize + sha256.Size }
	for name, change := range map[string]func(b []byte){
		"even":           func(b []byte) { b[7] = '1' },
		"no chunks":      func(b []byte) { clear(b[count:first]) },
		"less chunks":    func(b []byte) { b[count+7]-- },
		"more chunks":    func(b []byte) { b[count+7]++ },
		"many chunks":    func(b []byte) { b[count] = 0xff },
		"an empty one":   func(b []byte) { copy(b[end(1):end(1)+8], b[end(0):]) },
		"backwards":      func(b []byte) { b[end(1)+7], b[end(1)+6] = 1, 0 },
		"too large":      func(b []byte) { b[end(0)+7] = 129 },
		"another end":    func(b []byte) { b[end(2)+7]-- },
		"less content":   func(b []byte) { b[31]-- },
		"no content":     func(b []byte) { clear(b[24:32]) },
		"even after all": func(b []byte) { b[end(0)+7], b[end(1)+6], b[end(1)+7] = 128, 1, 0 },
	} {
		b := unevenManifest(64, 128, 100, 228, 300).encode()
		change(b)
		if m, err := decodeManifest(signed(b)); err == nil {
			t.Errorf("%s: decoded as %+v", name, m)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0}, 200))
	f.Add([]byte(evenMagic))
	for _, m := range append([]*manifest{sampleManifest(64, 64, 65), sampleManifest(64, 128, 1000)}, unevenManifests...) {
		f.Add(m.encode())
		f.Add(m.encode()[1:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > sha256.Size {
			b = signed(b) // or nothing but checksums would be tried
		}
		m, err := decodeManifest(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.encode(), b) {
			t.Fatalf("%x is taken for %x", b, m.encode())
		}
	})
}

func TestManifestLimit(t *testing.T) {
	t.Parallel()
	s := New(memstore.New(), &Options{ChunkSize: 64})
	s.sizes.manifest = 1000
	_, err := s.Put(t.Context(), bytes.NewReader(make([]byte, 10_000)), nil)
	if !fault.Has(err, fault.ArtifactTooLarge) {
		t.Errorf("Put = %v, want code artifact.too_large", err)
	}
	if _, err := s.Put(t.Context(), bytes.NewReader(make([]byte, 640)), nil); err != nil {
		t.Errorf("Put of what fits: %v", err)
	}
	w := s.Create(t.Context(), nil) // as much, in smaller chunks
	for range 20 {
		if _, err := w.Write(make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		w.Mark()
	}
	if _, err := w.Commit(); !fault.Has(err, fault.ArtifactTooLarge) {
		t.Errorf("Commit of many chunks = %v, want code artifact.too_large", err)
	}
}

// TestState compares with what the standard says: the state of a hash that has
// seen nothing is the first 32 bits of the fractions of square roots.
func TestState(t *testing.T) {
	t.Parallel()
	st, err := saveState(sha256.New())
	const initial = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"
	if err != nil || hex.EncodeToString(st[:]) != initial {
		t.Errorf("initial state %x, %v", st, err)
	}
	content := bytes.Repeat([]byte("millrace"), 1000)
	for n := 0; n <= len(content); n += 64 {
		h := sha256.New()
		h.Write(content[:n])
		st, err := saveState(h)
		if err != nil {
			t.Fatal(err)
		}
		again, err := resumeHash(st, int64(n))
		if err != nil {
			t.Fatal(err)
		}
		again.Write(content[n:])
		if sumOf(again) != sha256.Sum256(content) {
			t.Fatalf("going on after %d bytes gives another digest", n)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for in, want := range map[int64]sizes{
		0:         {chunk: 8 << 20, block: 1 << 20, piece: 256 << 10},
		-5:        {chunk: 8 << 20, block: 1 << 20, piece: 256 << 10},
		1:         {chunk: 64, block: 64, piece: 64},
		100:       {chunk: 128, block: 128, piece: 128},
		256 << 10: {chunk: 256 << 10, block: 256 << 10, piece: 256 << 10},
		257 << 10: {chunk: 1 << 20, block: 1 << 20, piece: 256 << 10},
		3<<20 + 1: {chunk: 4 << 20, block: 1 << 20, piece: 256 << 10},
		1 << 40:   {chunk: 64 << 20, block: 1 << 20, piece: 256 << 10},
	} {
		want.manifest = maxManifest
		if got := sizesFor(in); got != want {
			t.Errorf("sizesFor(%d) = %+v, want %+v", in, got, want)
		}
	}
}

// TestBuffers: a buffer is lent to one user at a time, also when sizes are equal.
func TestBuffers(t *testing.T) {
	t.Parallel()
	p := newBuffers(sizesFor(64))
	a := p.get(10)
	p.put(a[:1])
	b, c := p.get(64), p.get(64)
	if len(b) != 64 || len(c) != 64 || &b[0] == &c[0] {
		t.Errorf("got %d and %d bytes, the same: %t", len(b), len(c), &b[0] == &c[0])
	}
	if d := p.get(1000); len(d) != 1000 {
		t.Errorf("got %d bytes, want 1000", len(d))
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	b := budget{limit: 10}
	if !b.take(6) || b.take(5) || !b.take(4) || b.take(1) {
		t.Error("the budget is another")
	}
	b.give(6)
	if !b.take(5) {
		t.Error("what was given back is lost")
	}
}

// TestReadersGiveBack: after every reader is closed the whole budget is free.
func TestReadersGiveBack(t *testing.T) {
	t.Parallel()
	s := New(memstore.New(), nil)
	f, err := s.Put(t.Context(), bytes.NewReader(make([]byte, 5<<20)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{0, 10, 5 << 20} {
		var open []*Reader
		for range 6 {
			r, err := s.Open(t.Context(), f.Digest)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, r, n); err != nil {
				t.Fatal(err)
			}
			open = append(open, r)
		}
		if used := s.spare.used.Load(); used != spareLimit {
			t.Errorf("six readers use %d of the budget", used)
		}
		for _, r := range open {
			r.Close()
		}
		if used := s.spare.used.Load(); used != 0 {
			t.Errorf("%d bytes of the budget are lost", used)
		}
	}
}
