package command

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// capture runs the program with stdout going to a new artifact.
func (r *run) capture(ctx context.Context, args []string, name string) ([]events.File, error) {
	w := r.task.Store.Create(ctx, &artifact.PutOptions{Name: name, MediaType: r.cfg.MediaType})
	defer w.Abort()
	sink := &sink{w: w}
	err := r.execute(ctx, args, sink)
	if sink.err != nil && ctx.Err() == nil {
		return nil, sink.err // the store, and not the program, is at fault
	}
	if err != nil {
		return nil, err
	}
	f, err := w.Commit()
	if err != nil {
		return nil, err
	}
	return []events.File{f}, nil
}

// collect stores what the program has left as {{out}}, or in {{outdir}}. Only
// regular files count; a symbolic link is not followed.
func (r *run) collect(ctx context.Context, name string) ([]events.File, error) {
	r.budget.measure(r.dir)
	if err := r.budget.exceeded(); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Join(r.dir, "out"))
	if err != nil {
		return nil, scratchFault(err)
	}
	defer root.Close()
	if !r.cfg.uses("{{outdir}}") {
		f, err := r.store(ctx, root, name, name)
		return []events.File{f}, err
	}
	entries, err := fs.ReadDir(root.FS(), ".") // sorted by name
	if err != nil {
		return nil, scratchFault(err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.Type().IsRegular() })
	if len(entries) == 0 || len(entries) > stage.MaxFiles {
		code := fault.CommandNoOutput
		if len(entries) > 0 {
			code = fault.CommandTooMuchOutput
		}
		return nil, r.failed(code, "{{outdir}}")
	}
	var files []events.File
	for _, e := range entries {
		f, err := r.store(ctx, root, e.Name(), artifact.CleanName(e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// store puts the file path, which the program has written, into the store.
func (r *run) store(ctx context.Context, root *os.Root, path, name string) (events.File, error) {
	info, err := root.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
		return events.File{}, r.failed(fault.CommandNoOutput, "nothing at {{out}}")
	}
	if err != nil {
		return events.File{}, scratchFault(err)
	}
	f, err := root.Open(path)
	if err != nil {
		return events.File{}, scratchFault(err)
	}
	defer f.Close()
	return r.task.Store.Put(ctx, f, &artifact.PutOptions{
		Name: name, MediaType: r.cfg.MediaType, Limit: int64(r.cfg.MaxOutput),
	})
}
