package publish

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// write writes the item under the name temp, marked and on disk. The file stays
// open, because that holds the lock on it.
func (b *batch) write(ctx context.Context, it item, temp string, m *stage.Meter) (*os.File, error) {
	f, err := b.openTemp(temp)
	if err != nil {
		return nil, err
	}
	if err := b.fill(ctx, it, f, m); err != nil {
		_ = b.root.Remove(temp)
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (b *batch) fill(ctx context.Context, it item, f *os.File, m *stage.Meter) error {
	r, err := b.task.Store.Open(ctx, it.file.Digest)
	if err != nil {
		return err
	}
	defer r.Close()
	sink := &sink{f: f}
	_, err = r.WriteTo(m.Writer(ctx, sink))
	switch {
	case sink.err != nil:
		return classify("write "+it.file.Name, sink.err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	if err := setMark(f, b.key, false); err != nil {
		return classify("mark "+it.file.Name, err)
	}
	if err := f.Sync(); err != nil {
		return classify("sync "+it.file.Name, err)
	}
	return nil
}

// flushEvery is after how many bytes the system is asked to begin writing them to
// disk, so that little is left to do when the file is synced.
const flushEvery = 32 << 20

// sink writes to a file and remembers whether it was the file that failed.
type sink struct {
	f             *os.File
	done, flushed int64
	err           error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	if err != nil {
		s.err = err
	}
	s.done += int64(n)
	if size := s.done - s.flushed; size >= flushEvery {
		const begin = 2                                                  // SYNC_FILE_RANGE_WRITE
		_ = syscall.SyncFileRange(int(s.f.Fd()), s.flushed, size, begin) // no promise: Sync follows
		s.flushed = s.done
	}
	return n, err
}

// openTemp makes and locks a new file with the name temp. One that is there
// already was left by a process that died, or is locked by one that lives.
//
// What is there is never written to: it may be a published file, when its
// writer died before it removed this name of it.
func (b *batch) openTemp(temp string) (*os.File, error) {
	for range 8 {
		f, err := b.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			b.drop(temp)
			continue
		}
		if err != nil {
			return nil, classify("write "+temp, err)
		}
		if lock(f) == nil && b.isOpen(temp, f) {
			return f, nil
		}
		_ = f.Close()
	}
	return nil, fault.New(fault.PublishIO, "another attempt is writing "+temp, nil)
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
