package fetch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// settled is how old the last change of a file must be before it is read. File
// systems count time in steps of up to 10 ms: of two writes within one step the
// second would not show.
const settled = 20 * time.Millisecond

// identity is what a local file is recognized by in a later attempt. Times are in
// nanoseconds since 1970.
type identity struct {
	Size     int64  `json:"s"`
	Modified int64  `json:"m"`
	Changed  int64  `json:"c"`
	Inode    uint64 `json:"i"`
}

func identityOf(info fs.FileInfo) *identity {
	id := &identity{
		Size: info.Size(), Modified: info.ModTime().UnixNano(), Changed: changedAt(info).UnixNano(),
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id.Inode = st.Ino
	}
	return id
}

// local fetches a file of this machine. continued says that an earlier attempt has
// read the beginning.
func (g *fetching) local(
	ctx context.Context, i int, buf []byte,
) (file events.File, continued bool, err error) {
	w := &g.book.sources[i]
	path := shown(w.url)
	dir, rel, ok := g.roots.Find(w.url.Path)
	if !ok {
		return file, false, fault.New(fault.SubmitPathNotAllowed, path, nil)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return file, false, openFault(path, err)
	}
	defer root.Close()
	f, before, err := open(ctx, root, rel)
	if err != nil {
		return file, false, openFault(path, err)
	}
	defer f.Close()
	if limit := int64(g.config.MaxBytes); limit > 0 && before.Size() > limit {
		return file, false, fault.New(fault.FetchTooLarge, path, nil)
	}
	out, err := g.place(i, path, before)
	if err != nil {
		return file, false, err
	}
	continued = out.size() > 0
	if err := read(ctx, path, f, before.Size(), out, buf); err != nil {
		return file, continued, err
	}
	if out.size() != before.Size() || !untouched(root, rel, f, before) {
		return file, continued, fault.New(fault.FetchChanged, path, nil)
	}
	file, err = out.commit(ctx, w.check)
	return file, continued, err
}

// place returns the output of a local file: the one that was begun, if the file is
// still the same.
func (g *fetching) place(i int, path string, info fs.FileInfo) (*output, error) {
	id := identityOf(info)
	out := g.book.output(i)
	if out.size() > 0 {
		if was := out.place.Identity; was != nil && *was == *id && out.size() <= id.Size {
			g.note("source goes on", "bytes", out.size(), "source", path)
			return out, nil
		}
		g.note("source starts over", "bytes", out.size(), "source", path, "reason", "the file has changed")
	}
	return g.book.begin(place{Index: i, Total: id.Size, Identity: id})
}

// read appends what is missing of a file of size bytes. One byte more than there
// is shows that the file grows, however fast.
func read(ctx context.Context, path string, f *os.File, size int64, out *output, buf []byte) error {
	if _, err := f.Seek(out.size(), io.SeekStart); err != nil {
		return openFault(path, err)
	}
	for r := io.LimitReader(f, size+1-out.size()); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := r.Read(out.room(buf))
		if n > 0 {
			if err := out.write(ctx, buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return openFault(path, err)
		}
	}
}

// errNotAFile is the error of a path that is there and is no regular file.
var errNotAFile = errors.New("it is a folder, a device, a pipe or a socket")

// open opens a regular file and returns what it is like before it is read.
func open(ctx context.Context, root *os.Root, rel string) (*os.File, fs.FileInfo, error) {
	info, err := root.Stat(rel) // opening a device may have effects
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errNotAFile
	}
	// Without O_NONBLOCK, opening a pipe that has taken its place would wait.
	f, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	before, err := f.Stat()
	if err == nil && !before.Mode().IsRegular() {
		err = errNotAFile
	}
	if age := changedAt(before); err == nil && time.Since(age) < settled {
		if err = wait(ctx, min(settled-time.Since(age), settled)); err == nil {
			before, err = f.Stat()
		}
	}
	if err != nil {
		_ = f.Close() // was not read
		return nil, nil, err
	}
	return f, before, nil
}

// wait returns after d, or with the cause when ctx ends earlier.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// untouched reports whether the path still leads to the file that was read, and
// that is as it was before.
func untouched(root *os.Root, rel string, f *os.File, before fs.FileInfo) bool {
	open, err := f.Stat()
	if err != nil || !same(before, open) {
		return false
	}
	named, err := root.Stat(rel)
	return err == nil && same(before, named)
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) &&
		changedAt(a).Equal(changedAt(b))
}

// changedAt is when the file or what is known of it was last changed. Unlike the
// modification time nobody can set it back.
func changedAt(info fs.FileInfo) time.Time {
	if info == nil {
		return time.Time{}
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}

// openFault says why a local file cannot be read.
func openFault(path string, err error) error {
	var classified *fault.Error
	if errors.As(err, &classified) {
		return err
	}
	var errno syscall.Errno
	code := fault.FetchIO
	switch {
	case errors.Is(err, errNotAFile), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ELOOP):
		code = fault.FetchNotAFile
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		code = fault.FetchNotFound
	case errors.Is(err, fs.ErrPermission):
		code = fault.FetchUnreadable
	case !errors.As(err, &errno):
		// What the system does not complain of, the root does: a link leads out.
		code = fault.SubmitPathNotAllowed
	}
	var named *fs.PathError
	if errors.As(err, &named) {
		err = named.Err // the path is said once
	}
	return fault.New(code, path, err)
}
