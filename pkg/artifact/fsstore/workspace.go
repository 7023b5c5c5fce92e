package fsstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// tmpDir, which is no valid name of a blob, holds a folder for each process that
// uses the store, and beside it the file that the process keeps locked for as
// long as it lives.
const (
	tmpDir   = ".tmp"
	lockName = tmpDir + "/lock"
	lockEnd  = ".lock"
)

// workspace is the folder of this process for files without a name.
type workspace struct {
	name string // below the root of the store
	root *os.Root
	dir  *os.Root // the folder
	lock *os.File
}

// openWorkspace makes a folder and removes those of processes that have ended.
// A lock over both keeps others from taking a new folder for an old one.
func openWorkspace(root *os.Root) (*workspace, error) {
	if err := root.Mkdir(tmpDir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	all, err := lockFile(root, lockName, syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer all.Close()
	if err := removeDead(root); err != nil {
		return nil, err
	}
	w := &workspace{root: root}
	for i := 0; ; i++ {
		w.name = fmt.Sprintf("%s/%d-%d", tmpDir, os.Getpid(), i)
		if err = root.Mkdir(w.name, dirMode); err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	if w.lock, err = lockFile(root, w.name+lockEnd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, err
	}
	if w.dir, err = root.OpenRoot(w.name); err != nil {
		return nil, errors.Join(err, w.lock.Close())
	}
	return w, nil
}

// removeDead removes the folders whose lock nobody holds.
func removeDead(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), tmpDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		name := tmpDir + "/" + e.Name()
		lock, err := lockFile(root, name+lockEnd, syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return err
		}
		err = errors.Join(root.RemoveAll(name), root.Remove(name+lockEnd), lock.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// lockFile opens the file, which is made when it does not exist, and locks it
// until it is closed or the process ends.
func lockFile(root *os.Root, name string, how int) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	if err := lock(f, how); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// lock locks f until it is closed.
func lock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := conn.Control(func(fd uintptr) {
		for {
			if err = syscall.Flock(int(fd), how); err != syscall.EINTR {
				return
			}
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return &fs.PathError{Op: "flock", Path: f.Name(), Err: err}
	}
	return nil
}

// path returns the name of a file of the folder, below the root of the store.
func (w *workspace) path(file string) string { return w.name + "/" + file }

// close removes the folder with all that is in it.
func (w *workspace) close() error {
	return errors.Join(w.dir.Close(), w.root.RemoveAll(w.name),
		w.root.Remove(w.name+lockEnd), w.lock.Close())
}
