package publish

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// openTemp makes and locks a new hidden file for the item. One that is there
// already was left by a process that died, or is locked by one that lives, which
// keeps it.
//
// What is there is never written to: it may be a published file, when its
// writer died before it removed this name of it.
func (b *batch) openTemp(it item) (*os.File, string, error) {
	for n := range 16 {
		temp := tempName(b.key, it, b.task.Attempt, n/2) // each twice
		f, err := b.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			b.drop(temp)
			continue
		}
		if err != nil {
			return nil, "", classify("write "+temp, err)
		}
		if lock(f) == nil && b.isOpen(temp, f) {
			return f, temp, nil
		}
		_ = f.Close()
	}
	return nil, "", fault.New(fault.PublishIO, "other attempts are writing "+it.file.Name, nil)
}

const (
	// patience is how long an attempt waits for the one before it, which has been
	// overtaken and will notice, to let go of its file.
	patience = 3 * time.Second
	look     = 20 * time.Millisecond
)

// reopen opens and locks the hidden file of the place, cut to what the place says
// of it. It returns nil when that is not there any more, or not what it was.
func (b *batch) reopen(ctx context.Context) (*os.File, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		f, busy := b.lockTemp(b.at.Temp)
		if !busy {
			return b.cut(f)
		}
		select {
		case <-again.C:
		case <-limit.C:
			return nil, fault.New(fault.PublishIO, "an earlier attempt still writes "+b.at.Temp, nil)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// lockTemp opens and locks a hidden file that has no other name, nil when there is
// none. It is busy when somebody else holds the lock.
func (b *batch) lockTemp(temp string) (f *os.File, busy bool) {
	f, err := b.root.OpenFile(temp, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, false
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		return nil, errors.Is(err, syscall.EWOULDBLOCK)
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && b.isOpen(temp, f) {
		if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Nlink == 1 {
			return f, false
		}
	}
	_ = f.Close()
	return nil, false
}

// cut makes the file, which may be nil, what the place says.
func (b *batch) cut(f *os.File) (*os.File, error) {
	if f == nil {
		return nil, nil
	}
	info, err := f.Stat()
	if err != nil || info.Size() < b.at.Bytes {
		return nil, f.Close()
	}
	if err := f.Truncate(b.at.Bytes); err != nil {
		return nil, errors.Join(classify("cut "+b.at.Temp, err), f.Close())
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(classify("cut "+b.at.Temp, err), f.Close())
	}
	return f, nil
}

// adopt returns the item as an earlier attempt has left it, whole, or nil.
func (b *batch) adopt(ctx context.Context, it item) *whole {
	for _, temp := range b.leftovers(tempPrefix(b.key, it)) {
		f, _ := b.lockTemp(temp)
		if f == nil {
			continue
		}
		if info, err := f.Stat(); err == nil {
			x := &existing{info: info, file: f}
			if same, err := x.stillSame(ctx, it.file); same && err == nil {
				return &whole{f, temp}
			}
		}
		_ = f.Close()
	}
	return nil
}

// isOpen reports whether name still is the name of f.
func (b *batch) isOpen(name string, f *os.File) bool {
	info, err := f.Stat()
	return err == nil && b.isFile(name, &existing{info: info})
}

// sweep removes what attempts of this step had begun to write.
func (b *batch) sweep() {
	for _, name := range b.leftovers(hidden + b.key + "-") {
		if strings.HasSuffix(name, ".tmp") {
			b.drop(name)
		}
	}
}

// disarm removes what attempts of this step had begun to write, also what one still
// writes: without its hidden name a file cannot be put into its place any more.
func (b *batch) disarm() {
	for _, name := range b.leftovers(hidden + b.key + "-") {
		if strings.HasSuffix(name, ".tmp") {
			_ = b.root.Remove(name)
		}
	}
}

// drop removes a hidden file unless an attempt is still writing it.
func (b *batch) drop(name string) {
	f, err := b.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if lock(f) == nil && b.isOpen(name, f) {
		_ = b.root.Remove(name)
	}
}

// lock takes the lock on f without waiting. It ends with f, or with the process.
func lock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
