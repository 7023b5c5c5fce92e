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

// mkdir makes the directory dir and its parents.
func (s *Store) mkdir(dir string) error {
	s.durable.Delete(dir)
	if err := s.root.MkdirAll(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// syncName makes a name in dir durable, in the durable mode, and dir with its
// parents when that was not done yet: another process may have made them. The
// parents come last, because one commit of a journal often covers them all.
func (s *Store) syncName(dir string) error {
	if !s.sync {
		return nil
	}
	if err := s.syncDir(dir); err != nil {
		return err
	}
	if _, done := s.durable.Load(dir); done {
		return nil
	}
	for parent := dir; parent != "."; {
		parent = path.Dir(parent)
		if err := s.syncDir(parent); err != nil {
			return err
		}
	}
	s.durable.Store(dir, struct{}{})
	return nil
}

func (s *Store) syncDir(dir string) error {
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
