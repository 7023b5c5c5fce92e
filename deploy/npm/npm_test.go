package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/toolcache"
)

// kept makes a package that the cache has already.
func kept(t *testing.T, entries ...tar.Header) Package {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range entries {
		h.Size = int64(len(h.Name))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(h.Name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	cache, err := toolcache.Dir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cache, "thing-1.2.3.tgz"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(b.Bytes())
	return Package{Name: "@somebody/thing", Version: "1.2.3", Integrity: "sha512-" + base64.StdEncoding.EncodeToString(sum[:])}
}

func file(name string, mode int64) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode}
}

// TestPackage reads one file of a package, and unpacks all.
func TestPackage(t *testing.T) {
	p := kept(t, file("package/package.json", 0o644), file("package/lib/run", 0o755))
	if got, err := p.File(t.Context(), "lib/run"); err != nil || string(got) != "package/lib/run" {
		t.Errorf("the file is %q, %v", got, err)
	}
	if _, err := p.File(t.Context(), "lib"); err == nil || !strings.Contains(err.Error(), "@somebody/thing@1.2.3 has no lib") {
		t.Errorf("a file that is not there: %v", err)
	}
	dir := t.TempDir()
	if err := p.Unpack(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"package.json": 0, "lib/run": 0o100} {
		got, err := os.Stat(filepath.Join(dir, name))
		if err != nil || got.Mode()&0o100 != mode {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestPackageStaysInItsFolder refuses files that would be elsewhere.
func TestPackageStaysInItsFolder(t *testing.T) {
	p := kept(t, file("package/../../outside", 0o644))
	dir := filepath.Join(t.TempDir(), "in", "here")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.Unpack(t.Context(), dir); err == nil {
		t.Error("it was unpacked")
	}
}

// TestCheck refuses what adds up to something else.
func TestCheck(t *testing.T) {
	t.Parallel()
	if err := (Package{Integrity: "sha512-x"}).check([]byte("y")); err == nil || !strings.Contains(err.Error(), ", not sha512-x") {
		t.Errorf("got %v", err)
	}
}
