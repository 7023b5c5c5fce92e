package artifact_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

// manifestName is where the manifest of content is, as the package documents.
func manifestName(content []byte) string { return "m" + drivertest.Name(content)[1:] }

func contentName(content []byte) string { return "s" + drivertest.Name(content)[1:] }

// damages are what may happen to stored bytes.
var damages = map[string]func([]byte) []byte{
	"first bit":  func(b []byte) []byte { b[0] ^= 0x80; return b },
	"middle bit": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	"last bit":   func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
	"truncated":  func(b []byte) []byte { return b[:len(b)-1] },
	"half":       func(b []byte) []byte { return b[:len(b)/2] },
	"emptied":    func([]byte) []byte { return nil },
	"longer":     func(b []byte) []byte { return append(b, 0) },
	"zeros":      func(b []byte) []byte { clear(b); return b },
}

// wantCorrupt reads content in the ways there are. None may hand out other
// bytes, and all must end with artifact.corrupt.
func wantCorrupt(t *testing.T, s *artifact.Store, content []byte) {
	t.Helper()
	for how, read := range map[string]func(*artifact.Reader, io.Writer) error{
		"Read": func(r *artifact.Reader, w io.Writer) error {
			_, err := io.CopyBuffer(w, struct{ io.Reader }{r}, make([]byte, 100+len(content)/100))
			return err
		},
		"WriteTo": func(r *artifact.Reader, w io.Writer) error {
			_, err := r.WriteTo(w)
			return err
		},
	} {
		r, err := s.Open(t.Context(), digestOf(content))
		var got bytes.Buffer
		if err == nil {
			err = read(r, &got)
			if _, again := r.Read(make([]byte, 1)); err == nil || again != err {
				t.Errorf("%s: %v, and then %v", how, err, again)
			}
			r.Close()
		}
		wantCode(t, how, err, fault.ArtifactCorrupt)
		if !bytes.HasPrefix(content, got.Bytes()) {
			t.Fatalf("%s hands out damaged bytes", how)
		}
		if got.Len() == len(content) {
			t.Fatalf("%s hands out everything", how)
		}
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 1000, 1024, 1025, 3000, 10_000} {
		d := memstore.New()
		s := newStore(t, d, smallChunk)
		content := drivertest.Content(size, 1)
		put(t, s, bytes.NewReader(content))
		for _, name := range d.Names() {
			for what, change := range damages {
				t.Run(fmt.Sprintf("%d/%s/%s", size, name[:1], what), func(t *testing.T) {
					if !d.Damage(name, change) {
						t.Fatalf("there is no %s", name)
					}
					wantCorrupt(t, s, content)
					put(t, s, bytes.NewReader(content))
					if !bytes.Equal(get(t, s, digestOf(content)), content) {
						t.Fatal("storing it again does not mend it")
					}
				})
			}
		}
	}
}

// TestDamageOfFullChunks goes through the ways that full sizes take: content
// that is held whole, that is read twice, and that has a manifest.
func TestDamageOfFullChunks(t *testing.T) {
	t.Parallel()
	for _, size := range []int{900_000, 5 << 20, 9<<20 + 5} {
		d := memstore.New()
		s := newStore(t, d, 0)
		content := drivertest.Content(size, 1)
		f := put(t, s, bytes.NewReader(content))
		for range 5 { // so that no memory is left to hold content whole
			r, err := s.Open(t.Context(), f.Digest)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
		}
		for _, name := range d.Names() {
			for _, what := range []string{"middle bit", "truncated", "longer"} {
				if !d.Damage(name, damages[what]) {
					t.Fatalf("there is no %s", name)
				}
				wantCorrupt(t, s, content)
				put(t, s, bytes.NewReader(content))
			}
		}
	}
}

func TestMissingBlobs(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	content := drivertest.Content(5000, 1)
	f := put(t, s, bytes.NewReader(content))
	for i := 0; i < len(content); i += 1024 {
		name := drivertest.Name(content[i:min(i+1024, len(content))])
		if err := d.Delete(t.Context(), name, timeZero); err != nil {
			t.Fatal(err)
		}
		wantCorrupt(t, s, content)
		put(t, s, bytes.NewReader(content))
	}

	r, err := s.Open(t.Context(), f.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, name := range d.Names() {
		if err := d.Delete(t.Context(), name, timeZero); err != nil {
			t.Fatal(err)
		}
	}
	_, err = io.Copy(io.Discard, r)
	wantCode(t, "a read of content that was deleted", err, fault.ArtifactNotFound)
	wantNothing(t, s, f.Digest)
}

// TestChunkOrder forges manifests that pass their own checksum.
func TestChunkOrder(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	content := drivertest.Content(4096, 1)
	other := drivertest.Content(4096, 2)
	put(t, s, bytes.NewReader(content))
	put(t, s, bytes.NewReader(other))
	var foreign []byte
	d.Damage(manifestName(other), func(b []byte) []byte { foreign = bytes.Clone(b); return b })

	for what, forge := range map[string]func(b []byte){
		"two chunks changed places": func(b []byte) {
			first, second := b[64:96], b[96:128]
			kept := bytes.Clone(first)
			copy(first, second)
			copy(second, kept)
		},
		"a chunk twice":                func(b []byte) { copy(b[160:192], b[128:160]) },
		"a chunk that is not there":    func(b []byte) { b[64]++ },
		"another state":                func(b []byte) { b[64+4*32]++ },
		"the name of other content":    func(b []byte) { b[32]++ },
		"all of other content":         func(b []byte) { copy(b, foreign) },
		"chunks and states of another": func(b []byte) { copy(b[64:], foreign[64:]) },
	} {
		ok := d.Damage(manifestName(content), func(b []byte) []byte {
			forge(b)
			check := sha256.Sum256(b[:len(b)-32])
			return append(b[:len(b)-32], check[:]...)
		})
		if !ok {
			t.Fatal("there is no manifest")
		}
		r, err := s.Open(t.Context(), digestOf(content))
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			r.Close()
		}
		wantCode(t, what, err, fault.ArtifactCorrupt)
		put(t, s, bytes.NewReader(content))
		if !bytes.Equal(get(t, s, digestOf(content)), content) {
			t.Fatal("storing it again does not mend it")
		}
	}
}

// TestDamageOnDisk: what the documentation says of the files holds, and the
// store of a directory mends them too.
func TestDamageOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := fsstore.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t, d, smallChunk)
	small, large := drivertest.Content(1000, 1), drivertest.Content(3000, 2)
	put(t, s, bytes.NewReader(small))
	put(t, s, bytes.NewReader(large))
	for name, content := range map[string][]byte{
		contentName(small):                small,
		drivertest.Name(large[1024:2048]): large,
		manifestName(large):               large,
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		for what, change := range damages {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, change(b), 0o600); err != nil {
				t.Fatal(err)
			}
			wantCorrupt(t, s, content)
			put(t, s, bytes.NewReader(content))
			if !bytes.Equal(get(t, s, digestOf(content)), content) {
				t.Fatalf("%s of %s: storing it again does not mend it", what, name)
			}
		}
	}
	digits := strings.TrimPrefix(digestOf(small), "sha256:")
	b, err := os.ReadFile(filepath.Join(dir, "s", digits[:2], digits))
	if err != nil || hex.EncodeToString(b) != hex.EncodeToString(small) {
		t.Errorf("the file of small content: %d bytes, %v", len(b), err)
	}
}
