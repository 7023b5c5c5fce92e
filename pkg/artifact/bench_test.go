package artifact_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
)

// The benchmarks compare the store with the least that would do: the same bytes
// hashed and copied into one file that is synced, and hashed while they are
// read. MB/s of one run are comparable with each other.

var benchSizes = []int64{4 << 10, 1 << 20, 8 << 20, 256 << 20}

func BenchmarkPut(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprintf("floor/%d", size), func(b *testing.B) {
			dir := b.TempDir()
			b.SetBytes(size)
			for n := 0; b.Loop(); n++ {
				hashAndCopy(b, filepath.Join(dir, fmt.Sprint(n)), newNoise(size, n))
			}
		})
		b.Run(fmt.Sprintf("store/%d", size), func(b *testing.B) {
			s := openStore(b, b.TempDir(), nil)
			b.SetBytes(size)
			for n := 0; b.Loop(); n++ {
				put(b, s, newNoise(size, n))
			}
		})
		b.Run(fmt.Sprintf("nosync/%d", size), func(b *testing.B) {
			s := openStore(b, b.TempDir(), &fsstore.Options{NoSync: true})
			b.SetBytes(size)
			for n := 0; b.Loop(); n++ {
				put(b, s, newNoise(size, n))
			}
		})
		b.Run(fmt.Sprintf("again/%d", size), func(b *testing.B) {
			s := openStore(b, b.TempDir(), nil)
			put(b, s, newNoise(size, 0))
			b.SetBytes(size)
			for b.Loop() {
				put(b, s, newNoise(size, 0))
			}
		})
	}
}

// BenchmarkMarks writes with and without marks: each 16 MiB at the end of a chunk,
// where marks are cheapest, and in the middle of one, where they cost most.
func BenchmarkMarks(b *testing.B) {
	const size = 256 << 20
	for _, c := range []struct {
		name        string
		first, step int64
	}{{"none", size, size}, {"ends", 16 << 20, 16 << 20}, {"middles", 12 << 20, 16 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			s := openStore(b, b.TempDir(), nil)
			b.SetBytes(size)
			for n := 0; b.Loop(); n++ {
				putMarked(b, s, newNoise(size, n), size, c.first, c.step)
			}
		})
	}
}

// putMarked stores what r yields and marks it at first, and after each step. One
// mark is on its way at a time.
func putMarked(b *testing.B, s *artifact.Store, r io.Reader, size, first, step int64) {
	b.Helper()
	w := s.Create(b.Context(), nil)
	defer w.Abort()
	var last *artifact.Mark
	for at := first; ; at += step {
		if _, err := w.ReadFrom(io.LimitReader(r, at-w.Size())); err != nil {
			b.Fatal(err)
		}
		if last != nil {
			waitFor(b, last)
		}
		if w.Size() == size {
			break
		}
		last = w.Mark()
	}
	if _, err := w.Commit(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprintf("floor/%d", size), func(b *testing.B) {
			name := filepath.Join(b.TempDir(), "file")
			hashAndCopy(b, name, newNoise(size, 0))
			b.SetBytes(size)
			for b.Loop() {
				f, err := os.Open(name)
				if err != nil {
					b.Fatal(err)
				}
				h := sha256.New()
				if _, err := io.CopyBuffer(onlyWriter{h}, f, make([]byte, 256<<10)); err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
		b.Run(fmt.Sprintf("store/%d", size), func(b *testing.B) {
			s := openStore(b, b.TempDir(), nil)
			f := put(b, s, newNoise(size, 0))
			b.SetBytes(size)
			for b.Loop() {
				r, err := s.Open(b.Context(), f.Digest)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := r.WriteTo(io.Discard); n != size || err != nil {
					b.Fatal(n, err)
				}
				r.Close()
			}
		})
	}
}

func BenchmarkOpenRange(b *testing.B) {
	const size, part = 256 << 20, 64 << 10
	s := openStore(b, b.TempDir(), nil)
	f := put(b, s, newNoise(size, 0))
	b.SetBytes(part)
	for n := int64(0); b.Loop(); n++ {
		r, err := s.OpenRange(b.Context(), f.Digest, n*7919*part%(size-part), part)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); n != part || err != nil {
			b.Fatal(n, err)
		}
		r.Close()
	}
}

// hashAndCopy is the least that a durable store of files must do.
func hashAndCopy(b *testing.B, name string, r io.Reader) {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	h := sha256.New()
	_, err = io.CopyBuffer(onlyWriter{io.MultiWriter(h, f)}, r, make([]byte, 256<<10))
	if err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// onlyWriter hides what would let a copy go another way.
type onlyWriter struct{ io.Writer }
