package browsertest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// registry is where npm packages come from.
const registry = "https://registry.npmjs.org/"

// maxPackage bounds what is fetched, in bytes.
const maxPackage = 64 << 20

// Package is one version of an npm package without a scope.
type Package struct {
	Name, Version string
	// Integrity is what the registry and lock files say: "sha512-" and base64.
	Integrity string
}

// File returns a file of the package, by its path as the package has it. The package
// is fetched the first time and kept in the user's cache folder.
func (p Package) File(t testing.TB, path string) []byte {
	t.Helper()
	b, err := p.tarball(t.Context())
	if err != nil {
		t.Fatalf("%s@%s: %v", p.Name, p.Version, err)
	}
	file, err := extract(b, "package/"+path)
	if err != nil {
		t.Fatalf("%s of %s@%s: %v", path, p.Name, p.Version, err)
	}
	return file
}

// tarball returns the package from the cache or the registry, checked either way.
func (p Package) tarball(ctx context.Context) ([]byte, error) {
	name := p.Name + "-" + p.Version + ".tgz"
	unlock, err := lock(name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(cache, name)
	if b, err := os.ReadFile(path); err == nil && p.check(b) == nil {
		return b, nil
	}
	b, err := fetch(ctx, registry+p.Name+"/-/"+name)
	if err == nil {
		err = p.check(b)
	}
	if err != nil {
		return nil, err
	}
	return b, os.WriteFile(path, b, 0o644)
}

func (p Package) check(b []byte) error {
	sum := sha512.Sum512(b)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != p.Integrity {
		return fmt.Errorf("the package is %s, not %s", got, p.Integrity)
	}
	return nil
}

// fetch downloads what is at an address, and tries a few times.
func fetch(ctx context.Context, url string) (b []byte, err error) {
	for pause := time.Second; ; pause *= 3 {
		if b, err = get(ctx, url); err == nil || pause > 20*time.Second {
			return b, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, res.Status)
	}
	return io.ReadAll(io.LimitReader(res.Body, maxPackage))
}

// extract returns one file of a compressed archive.
func extract(tgz []byte, path string) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", strings.TrimPrefix(path, "package/"), err)
		}
		if h.Name == path {
			return io.ReadAll(io.LimitReader(r, maxPackage))
		}
	}
}
