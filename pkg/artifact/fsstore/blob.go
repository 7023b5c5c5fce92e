package fsstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"syscall"
	"time"

	"github.com/millrace/millrace/pkg/artifact/driver"
)

// maxTries is how often a commit tries again when others write and delete the
// same name.
const maxTries = 100

// blob is a temporary file that gets its name when it is whole.
type blob struct {
	ctx  context.Context
	s    *Store
	file *os.File
	tmp  string // in the folder of the process
	size int64
	done bool
}

// Create implements [driver.Store].
func (s *Store) Create(ctx context.Context) (driver.Blob, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := s.space.need(0); err != nil {
		return nil, err
	}
	b := &blob{ctx: ctx, s: s, tmp: strconv.FormatUint(s.counter.Add(1), 36)}
	var err error
	b.file, err = s.tmp.dir.OpenFile(b.tmp, os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// usable checks what every method must check first.
func (s *Store) usable(ctx context.Context) error {
	if s.closed.Load() {
		return driver.ErrClosed
	}
	return ctx.Err()
}

func (b *blob) Write(p []byte) (int, error) {
	if b.done {
		return 0, driver.ErrClosed
	}
	if err := b.s.usable(b.ctx); err != nil {
		return 0, err
	}
	if err := b.s.space.need(len(p)); err != nil {
		return 0, err
	}
	n, err := b.file.Write(p)
	b.size += int64(n)
	return n, err
}

// Commit implements [driver.Blob].
func (b *blob) Commit(ctx context.Context, name string) error {
	defer b.Abort() // what is left of the temporary file
	if !driver.ValidName(name) {
		return driver.ErrBadName
	}
	if b.done {
		return driver.ErrClosed
	}
	synced := false
	err := errRetry
	for tries := 0; err == errRetry && tries < maxTries; tries++ {
		if err = b.s.usable(ctx); err != nil {
			return err
		}
		if settled, err := b.settle(name); settled || err != nil {
			return err
		}
		if !synced {
			if err = b.syncFile(b.file); err != nil {
				return err
			}
			synced = true
		}
		err = b.link(name)
	}
	return err
}

// Abort implements [driver.Blob].
func (b *blob) Abort() {
	if b.done {
		return
	}
	b.done = true
	// Nothing reads the file and the next start removes it.
	_ = b.file.Close()
	_ = b.s.tmp.dir.Remove(b.tmp)
}

// link gives the file its name if no file has it.
func (b *blob) link(name string) error {
	err := b.s.root.Link(b.s.tmp.path(b.tmp), name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if made := b.s.mkdir(path.Dir(name)); made != nil {
			return made
		}
		return errRetry
	case errors.Is(err, fs.ErrExist):
		return errRetry
	case errors.Is(err, syscall.EPERM), errors.Is(err, errors.ErrUnsupported):
		// Without hard links, two writers may replace each other's file, which
		// has the same bytes.
		err = b.s.root.Rename(b.s.tmp.path(b.tmp), name)
	}
	if err != nil {
		return err
	}
	return b.s.syncName(path.Dir(name))
}

// errRetry is the error of a link that another writer, or a missing directory,
// was in the way of.
var errRetry = errors.New("name or directory changed meanwhile")

// settle deals with a file that has the name already: it is made durable when
// it has the same bytes, and replaced when it is damaged. It reports whether the
// blob is stored now. The file is locked meanwhile, so that nobody deletes it
// for its age before it counts as written again.
func (b *blob) settle(name string) (bool, error) {
	old, err := b.s.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer old.Close()
	if err := lock(old, syscall.LOCK_SH); err != nil {
		return false, err
	}
	info, err := old.Stat()
	if err != nil {
		return false, err
	}
	same, err := b.equals(old, info)
	if err != nil {
		return false, err
	}
	if same {
		// Its writer may have died, or not have come, between the link and the
		// sync.
		err = b.syncFile(old)
	} else if err = b.syncFile(b.file); err == nil {
		err = b.s.root.Rename(b.s.tmp.path(b.tmp), name)
	}
	if err == nil {
		err = b.s.syncName(path.Dir(name))
	}
	if err != nil || !same {
		return err == nil, err
	}
	now := time.Now()
	err = b.s.root.Chtimes(name, now, now)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // it was deleted meanwhile, whatever its age
	}
	return err == nil, err
}

// equals reports whether old has the bytes of the blob. What cannot be read is
// damaged.
func (b *blob) equals(old *os.File, info fs.FileInfo) (bool, error) {
	if info.Size() != b.size || !info.Mode().IsRegular() {
		return false, nil
	}
	const step = 64 << 10
	mine, theirs := make([]byte, step), make([]byte, step)
	for at := int64(0); at < b.size; at += step {
		n := min(step, b.size-at)
		if _, err := b.file.ReadAt(mine[:n], at); err != nil {
			return false, err
		}
		if _, err := old.ReadAt(theirs[:n], at); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) {
				return false, nil
			}
			return false, err
		}
		if !bytes.Equal(mine[:n], theirs[:n]) {
			return false, nil
		}
	}
	return true, nil
}

// syncFile makes the bytes of f durable, in the durable mode.
func (b *blob) syncFile(f *os.File) error {
	if !b.s.sync {
		return nil
	}
	return f.Sync()
}
