package fsstore

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// makeDir makes the directory of the store with its parents, durably when sync
// is set.
func makeDir(dir string, sync bool) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if parent != dir {
		if err := makeDir(parent, sync); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if !sync {
		return nil
	}
	f, err := os.Open(parent)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(f), f.Close())
}

// ensure makes the directory dir with its parents, durably in the durable mode.
func (s *Store) ensure(dir string) error {
	if _, known := s.dirs.Load(dir); known || dir == "." {
		return nil
	}
	parent := path.Dir(dir)
	if err := s.ensure(parent); err != nil {
		return err
	}
	if err := s.root.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// One that existed may be another's who has not synced it yet.
	if err := s.syncDir(parent); err != nil {
		return err
	}
	s.dirs.Store(dir, struct{}{})
	return nil
}

// forget drops what is known of dir and its parents.
func (s *Store) forget(dir string) {
	for ; dir != "."; dir = path.Dir(dir) {
		s.dirs.Delete(dir)
	}
}

// syncDir makes the names in dir durable, in the durable mode.
func (s *Store) syncDir(dir string) error {
	if !s.sync {
		return nil
	}
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(f), f.Close())
}

// syncDir syncs a directory. A file system that cannot, because its names are
// always durable or never, is taken as it is.
func syncDir(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
