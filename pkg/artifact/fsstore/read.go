package fsstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"syscall"

	"github.com/millrace/millrace/pkg/artifact/driver"
)

// Read implements [driver.Store].
func (s *Store) Read(
	ctx context.Context, name string, offset, size int64,
) (io.ReadCloser, int64, error) {
	if err := s.admit(ctx, name); err != nil {
		return nil, 0, err
	}
	f, err := s.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(name, info)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	whole := info.Size()
	offset = min(max(offset, 0), whole)
	if size < 0 {
		size = whole
	}
	return &reader{ctx: ctx, s: s, f: f, at: offset, end: offset + min(size, whole-offset)}, whole, nil
}

// admit checks what every method with a name must check first.
func (s *Store) admit(ctx context.Context, name string) error {
	if !driver.ValidName(name) {
		return driver.ErrBadName
	}
	return s.usable(ctx)
}

// regular refuses what is not a file: the store makes no other things.
func regular(name string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return &fs.PathError{Op: "read", Path: name, Err: errors.New("not a regular file")}
}

// reader reads a part of a file until the context or the store ends.
type reader struct {
	ctx     context.Context
	s       *Store
	f       *os.File
	at, end int64
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.s.usable(r.ctx); err != nil {
		return 0, err
	}
	if r.at >= r.end {
		return 0, io.EOF
	}
	n, err := r.f.ReadAt(p[:min(int64(len(p)), r.end-r.at)], r.at)
	r.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (r *reader) Close() error { return r.f.Close() }

// Stat implements [driver.Store].
func (s *Store) Stat(ctx context.Context, name string) (int64, error) {
	if err := s.admit(ctx, name); err != nil {
		return 0, err
	}
	info, err := s.root.Lstat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), regular(name, info)
}

// List implements [driver.Store].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[driver.Info, error] {
	return func(yield func(driver.Info, error) bool) {
		dir := strings.TrimSuffix(prefix, "/")
		if dir == "" {
			dir = "."
		}
		stop := errors.New("stop")
		err := fs.WalkDir(s.root.FS(), dir, func(name string, e fs.DirEntry, err error) error {
			if err == nil {
				err = s.usable(ctx)
			}
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil // it went meanwhile
			case err != nil:
				return err
			case e.IsDir() && name == tmpDir:
				return fs.SkipDir
			case !e.Type().IsRegular() || !driver.ValidName(name):
				return nil
			}
			info, err := e.Info()
			if err != nil {
				return ignoreMissing(err)
			}
			if !yield(driver.Info{Name: name, Size: info.Size(), Written: info.ModTime()}, nil) {
				return stop
			}
			return nil
		})
		if err != nil && err != stop {
			yield(driver.Info{}, err)
		}
	}
}
