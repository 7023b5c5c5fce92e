package stagetest

import (
	"context"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/artifact/driver"
)

// gatedStore is a driver as one process sees it.
type gatedStore struct {
	driver.Store
	g *gate
}

// Create passes the gate.
func (s gatedStore) Create(ctx context.Context) (b driver.Blob, err error) {
	err = s.g.do("create", "", func() error {
		b, err = s.Store.Create(ctx)
		return err
	})
	switch {
	case err == nil:
		return &gatedBlob{b, s.g}, nil
	case b != nil:
		b.Abort() // the process died meanwhile
	}
	return nil, err
}

// Read passes the gate.
func (s gatedStore) Read(
	ctx context.Context, name string, offset, size int64,
) (r io.ReadCloser, n int64, err error) {
	err = s.g.do("read", what(name), func() error {
		r, n, err = s.Store.Read(ctx, name, offset, size)
		return err
	})
	switch {
	case err == nil:
		return &gatedReader{r, s.g, s.g.inputs[name]}, n, nil
	case r != nil:
		_ = r.Close()
	}
	return nil, 0, err
}

// Stat passes the gate.
func (s gatedStore) Stat(ctx context.Context, name string) (n int64, err error) {
	err = s.g.do("stat", what(name), func() error {
		n, err = s.Store.Stat(ctx, name)
		return err
	})
	return n, err
}

// Delete passes the gate.
func (s gatedStore) Delete(ctx context.Context, name string, before time.Time) error {
	return s.g.do(verbDelete, what(name), func() error { return s.Store.Delete(ctx, name, before) })
}

// List passes the gate once.
func (s gatedStore) List(ctx context.Context, prefix string) iter.Seq2[driver.Info, error] {
	return func(yield func(driver.Info, error) bool) {
		if err := s.g.do("list", what(prefix), func() error { return nil }); err != nil {
			yield(driver.Info{}, err)
			return
		}
		s.Store.List(ctx, prefix)(yield)
	}
}

// Close does nothing: what is below outlives the process.
func (gatedStore) Close() error { return nil }

type gatedBlob struct {
	driver.Blob
	g *gate
}

// Write passes the gate.
func (b *gatedBlob) Write(p []byte) (n int, err error) {
	if !b.g.bytes(len(p), false) {
		return 0, errDead
	}
	err = b.g.do("write", "", func() error {
		n, err = b.Blob.Write(p)
		return err
	})
	return n, err
}

// Commit passes the gate. What a dead process had begun is lost.
func (b *gatedBlob) Commit(ctx context.Context, name string) error {
	defer b.Blob.Abort()
	return b.g.do(verbCommit, what(name), func() error { return b.Blob.Commit(ctx, name) })
}

type gatedReader struct {
	io.ReadCloser
	g     *gate
	input bool
}

// Read counts what was read.
func (r *gatedReader) Read(p []byte) (int, error) {
	if !r.g.bytes(0, false) {
		return 0, errDead
	}
	n, err := r.ReadCloser.Read(p)
	if !r.g.bytes(n, r.input) {
		return 0, errDead
	}
	return n, err
}

// what says what kind of blob a name is for.
func what(name string) string {
	switch prefix, _, _ := strings.Cut(name, "/"); prefix {
	case "s":
		return "content"
	case "c":
		return "chunk"
	case "m":
		return "manifest"
	case "p":
		return "place of a writer"
	}
	return "blob"
}
