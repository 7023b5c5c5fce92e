package fetch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// Roots are the folders below which local files may be read.
type Roots []string

// NewRoots returns the roots as absolute, clean paths.
func NewRoots(paths []string) Roots {
	roots := make(Roots, 0, len(paths))
	for _, p := range paths {
		if abs, err := filepath.Abs(p); err == nil {
			roots = append(roots, abs)
		}
	}
	return roots
}

// Find returns the root that a path lies below, and the path from there. ok is
// false when it lies below none. Links are not looked at: opening through the
// root refuses those that lead out.
func (r Roots) Find(path string) (root, rel string, ok bool) {
	if !filepath.IsAbs(path) {
		return "", "", false
	}
	path = filepath.Clean(path)
	for _, root := range r {
		rel, err := filepath.Rel(root, path)
		if err == nil && filepath.IsLocal(rel) {
			return root, rel, true
		}
	}
	return "", "", false
}

// local fetches a file of this machine.
func (g *fetching) local(ctx context.Context, path, name, mediaType string) (events.File, error) {
	dir, rel, ok := g.roots.Find(path)
	if !ok {
		return events.File{}, fault.New(fault.SubmitPathNotAllowed, fault.Clip(path, 200), nil)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return events.File{}, openFault(path, err)
	}
	defer root.Close()
	// Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
	f, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return events.File{}, openFault(path, err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return events.File{}, openFault(path, err)
	}
	if !before.Mode().IsRegular() {
		return events.File{}, fault.New(fault.FetchNotAFile, fault.Clip(path, 200), nil)
	}
	w := g.task.Store.Create(ctx, &artifact.PutOptions{Name: name, MediaType: mediaType})
	defer w.Abort()
	n, err := g.copy(ctx, w, f, path)
	if err != nil {
		return events.File{}, err
	}
	after, err := root.Stat(rel)
	if err != nil || !same(before, after) || n != before.Size() {
		return events.File{}, fault.New(fault.FetchChanged, fault.Clip(path, 200), nil)
	}
	return w.Commit()
}

// same reports whether a file is still the one that was opened, untouched.
func same(before, after fs.FileInfo) bool {
	return os.SameFile(before, after) && before.Size() == after.Size() && before.ModTime().Equal(after.ModTime())
}

// copy stores what r yields, up to the limit of the step.
func (g *fetching) copy(ctx context.Context, w io.Writer, r io.Reader, what string) (int64, error) {
	limit := int64(g.config.MaxBytes)
	r = g.meter.Reader(ctx, r)
	if limit > 0 {
		r = io.LimitReader(r, limit+1)
	}
	n, err := io.Copy(w, r)
	var f *fault.Error
	switch {
	case limit > 0 && n > limit:
		return n, fault.New(fault.FetchTooLarge, fault.Clip(what, 200), nil)
	case err == nil:
		return n, nil
	case errors.As(err, &f):
		return n, err
	case ctx.Err() != nil:
		return n, context.Cause(ctx)
	}
	return n, fault.New(fault.FetchIO, fault.Clip(what, 200), err)
}

// openFault says why a local file cannot be opened.
func openFault(path string, err error) error {
	var errno syscall.Errno
	code := fault.FetchIO
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		code = fault.FetchNotFound
	case errors.Is(err, fs.ErrPermission):
		code = fault.FetchUnreadable
	case !errors.As(err, &errno):
		// What the system does not complain of, the root does: a link leads out.
		code = fault.SubmitPathNotAllowed
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err // the path is said once
	}
	return fault.New(code, fault.Clip(path, 200), err)
}
