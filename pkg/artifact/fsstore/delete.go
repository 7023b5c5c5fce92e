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
	now, err := s.root.Lstat(name)
	if err != nil || !os.SameFile(info, now) { // a whole one took its place
		return ignoreMissing(err)
	}
	return ignoreMissing(s.root.Remove(name))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
