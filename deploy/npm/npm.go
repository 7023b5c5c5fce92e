// Package npm fetches packages of npm, pinned by what they add up to, for tests and tools.
// It runs none of their scripts and takes none of their dependencies.
package npm

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
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/millrace/millrace/deploy/filelock"
	"github.com/millrace/millrace/deploy/toolcache"
)

// registry is where npm packages come from.
const registry = "https://registry.npmjs.org/"

// maxPackage bounds what is fetched, and each file of it, in bytes.
const maxPackage = 64 << 20

// Package is one version of an npm package.
type Package struct {
	Name, Version string
	// Integrity is what the registry and lock files say: "sha512-" and base64.
	Integrity string
}

// File returns a file of the package, by its path as the package has it. The package
// is fetched the first time and kept in the user's cache folder.
func (p Package) File(ctx context.Context, path string) ([]byte, error) {
	var file []byte
	err := p.each(ctx, func(name string, _ os.FileMode, r io.Reader) (err error) {
		if name == path && file == nil {
			file, err = io.ReadAll(r)
		}
		return err
	})
	if err == nil && file == nil {
		err = fmt.Errorf("%s@%s has no %s", p.Name, p.Version, path)
	}
	return file, err
}

// Unpack writes all files of the package below dir, which is there. The package is fetched
// as for [Package.File].
func (p Package) Unpack(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return p.each(ctx, func(name string, mode os.FileMode, r io.Reader) error {
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644|mode&0o111)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		return errors.Join(err, f.Close())
	})
}

// each calls fn for the files of the package, by their paths in it.
func (p Package) each(ctx context.Context, fn func(name string, mode os.FileMode, r io.Reader) error) error {
	b, err := p.tarball(ctx)
	if err == nil {
		err = files(b, fn)
	}
	if err != nil {
		return fmt.Errorf("%s@%s: %w", p.Name, p.Version, err)
	}
	return nil
}

// files calls fn for the files of a compressed archive, whose paths begin with a folder
// that does not count.
func files(tgz []byte, fn func(name string, mode os.FileMode, r io.Reader) error) error {
	unzipped, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		return err
	}
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, _ := strings.Cut(h.Name, "/")
		if h.Typeflag != tar.TypeReg || name == "" {
			continue
		}
		if err := fn(name, h.FileInfo().Mode(), io.LimitReader(r, maxPackage)); err != nil {
			return err
		}
	}
}

// tarball returns the package from the cache or the registry, checked either way.
func (p Package) tarball(ctx context.Context) ([]byte, error) {
	cache, err := toolcache.Dir()
	if err != nil {
		return nil, err
	}
	base := path.Base(p.Name) + "-" + p.Version + ".tgz"
	kept := filepath.Join(cache, base)
	unlock, err := filelock.Lock(kept + ".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if b, err := os.ReadFile(kept); err == nil && p.check(b) == nil {
		return b, nil
	}
	b, err := fetch(ctx, registry+p.Name+"/-/"+base)
	if err == nil {
		err = p.check(b)
	}
	if err != nil {
		return nil, err
	}
	return b, os.WriteFile(kept, b, 0o644)
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
