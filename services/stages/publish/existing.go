package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/stage"
)

// existing is what is found under a name.
type existing struct {
	info fs.FileInfo
	file *os.File // nil when it is not a regular file, or may not be read
}

// look returns what is found under name, nil when there is nothing.
func (f *folder) look(name string) (*existing, error) {
	info, err := f.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, classify("look at "+name, err)
	}
	x := &existing{info: info}
	if !info.Mode().IsRegular() {
		return x, nil
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return x, nil
	case err != nil:
		return nil, classify("open "+name, err)
	}
	if x.info, err = file.Stat(); err != nil {
		file.Close()
		return nil, classify("look at "+name, err)
	}
	x.file = file
	return x, nil
}

func (x *existing) close() {
	if x.file != nil {
		_ = x.file.Close() // only read
	}
}

// same reports whether the content is that of f. It reads all of it when the
// sizes agree.
func (x *existing) same(ctx context.Context, f events.File) (bool, error) {
	if x.file == nil || !x.info.Mode().IsRegular() || x.info.Size() != f.Size {
		return false, nil
	}
	h := sha256.New()
	content := (&stage.Meter{}).Reader(ctx, io.NewSectionReader(x.file, 0, f.Size+1))
	if _, err := io.CopyBuffer(h, content, make([]byte, 256<<10)); err != nil {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		return false, classify("read "+f.Name, err)
	}
	return "sha256:"+hex.EncodeToString(h.Sum(nil)) == f.Digest, nil
}

// stillSame is same for a file that the step has written: of a large one that says
// what it holds, and was not written to since, nothing is read.
func (x *existing) stillSame(ctx context.Context, f events.File) (bool, error) {
	if x.file != nil && x.info.Mode().IsRegular() && x.info.Size() == f.Size && f.Size > resumable &&
		saysContent(x.file, f, x.info) {
		return true, nil
	}
	return x.same(ctx, f)
}

// mark says which step has published the file.
func (x *existing) mark() (mark, error) {
	if x.file == nil {
		return mark{}, nil
	}
	m, err := readMark(x.file)
	if err != nil {
		return m, classify("read the mark of a file", err)
	}
	return m, nil
}

// isFile reports whether name is another name of the file x.
func (f *folder) isFile(name string, x *existing) bool {
	info, err := f.root.Lstat(name)
	return err == nil && os.SameFile(info, x.info)
}

func (f *folder) exists(name string) bool {
	_, err := f.root.Lstat(name)
	return err == nil
}
