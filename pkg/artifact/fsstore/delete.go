package fsstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Delete implements [driver.Store]. A file that a writer has found, and counts
// on, is locked by it meanwhile; see settle.
func (s *Store) Delete(ctx context.Context, name string, before time.Time) error {
	if err := s.admit(ctx, name); err != nil {
		return err
	}
	if before.IsZero() {
		return ignoreMissing(s.root.Remove(name))
	}
	f, err := s.root.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ignoreMissing(err)
	}
	defer f.Close()
	err = lock(f, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil // it is being written again
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil || !info.ModTime().Before(before) {
		return err
	}
	if same, err := s.isAt(name, info); !same || err != nil {
		return err // another took its place
	}
	return ignoreMissing(s.root.Remove(name))
}

// isAt reports whether name is the file that info describes.
func (s *Store) isAt(name string, info fs.FileInfo) (bool, error) {
	now, err := s.root.Lstat(name)
	if err != nil {
		return false, ignoreMissing(err)
	}
	return os.SameFile(info, now), nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
