package publish

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/millrace/millrace/pkg/fault"
)

// folder is the folder that files are published in. Nothing reaches outside it,
// also not through symbolic links.
type folder struct {
	root *os.Root
	name string // for messages
}

// enter opens the folder dir below base and makes it when it does not exist.
func enter(base, dir string) (*folder, error) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, classify("open the publish folder", err)
	}
	defer root.Close()
	if err := makeAll(root, dir); err != nil {
		return nil, classify("make the folder "+dir, err)
	}
	sub, err := root.OpenRoot(dir)
	if err != nil {
		return nil, classify("open the folder "+dir, err)
	}
	return &folder{root: sub, name: dir}, nil
}

// enterExisting opens the folder dir below base. It returns nil when there is
// none.
func enterExisting(base, dir string) (*folder, error) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, classify("open the publish folder", err)
	}
	defer root.Close()
	sub, err := root.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, classify("open the folder "+dir, err)
	}
	return &folder{root: sub, name: dir}, nil
}

// makeAll makes the folder dir and syncs the folder above each one it makes.
func makeAll(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	for i := range len(dir) + 1 {
		if i < len(dir) && dir[i] != '/' {
			continue
		}
		switch err := root.Mkdir(dir[:i], 0o755); {
		case err == nil:
			if err := syncDir(root, path.Dir(dir[:i])); err != nil {
				return err
			}
		case !errors.Is(err, fs.ErrExist):
			return err
		}
	}
	return nil
}

// removeEmpty removes the folder dir below base unless something is in it.
func removeEmpty(base, dir string) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return
	}
	defer root.Close()
	if root.Remove(dir) == nil {
		_ = syncDir(root, path.Dir(dir)) // an empty folder that comes back harms nobody
	}
}

func (f *folder) close() { _ = f.root.Close() }

// sync makes the names in the folder durable.
func (f *folder) sync() error {
	if err := syncDir(f.root, "."); err != nil {
		return classify("sync the folder "+f.name, err)
	}
	return nil
}

func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// leftovers lists the hidden names that start with prefix.
func (f *folder) leftovers(prefix string) []string {
	d, err := f.root.Open(".")
	if err != nil {
		return nil
	}
	defer d.Close()
	var found []string
	for {
		names, err := d.Readdirnames(1024)
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				found = append(found, name)
			}
		}
		if err != nil {
			return found
		}
	}
}

// classify makes a fault of an error of the file system.
func classify(what string, err error) error {
	var errno syscall.Errno
	code := fault.PublishIO
	switch {
	case !errors.As(err, &errno):
		code = fault.PublishBadPath // os.Root refuses to leave the folder
	case errno == syscall.ENOSPC || errno == syscall.EDQUOT || errno == syscall.EFBIG:
		code = fault.PublishDiskFull
	case errno == syscall.ENOTDIR || errno == syscall.ELOOP || errno == syscall.ENAMETOOLONG:
		code = fault.PublishBadPath
	}
	return fault.New(code, what, err)
}
