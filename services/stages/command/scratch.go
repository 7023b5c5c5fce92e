package command

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

// sink remembers whether it was the writer that failed.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

// inARow reads files one after the other, each opened when its turn has come.
type inARow struct {
	ctx   context.Context // of the run, as long as the reader
	store *artifact.Store
	files []events.File
	open  io.ReadCloser
}

func (r *inARow) Read(p []byte) (int, error) {
	for {
		if r.open == nil {
			if len(r.files) == 0 {
				return 0, io.EOF
			}
			content, err := r.store.Open(r.ctx, r.files[0].Digest)
			if err != nil {
				return 0, err
			}
			r.open, r.files = content, r.files[1:]
		}
		n, err := r.open.Read(p)
		if err != io.EOF {
			return n, err
		}
		r.close()
		if n > 0 {
			return n, nil
		}
	}
}

func (r *inARow) close() {
	if r.open != nil {
		_ = r.open.Close() // only read
		r.open = nil
	}
}

// stdinFault returns the fault of the store when the program's input could not
// be read. A program that does not read all of its input is not at fault.
func stdinFault(err error) (error, bool) {
	var f *fault.Error
	return err, errors.As(err, &f)
}

// scratchFault makes a fault of an error of the scratch folder.
func scratchFault(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.New(fault.StageScratchFull, "", plain(err))
	}
	return fault.New(fault.StageScratchFailed, "", plain(err))
}

// removeAll removes dir, also when a program took away its own permission to.
func removeAll(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir) // what is left goes with the scratch folder
}
