// Package driver defines what a storage system must provide to hold artifacts.
// Programs use package artifact; only authors of storage drivers need this one.
package driver

import (
	"context"
	"io"

	"github.com/millrace/millrace/pkg/fault"
)

// Store keeps blobs under names that package artifact chooses.
type Store interface {
	// Create begins a blob that has no name yet.
	Create(ctx context.Context) (Blob, error)
	// Read returns size bytes of the blob from offset.
	Read(ctx context.Context, name string, offset, size int64) (io.ReadCloser, error)
	// Stat returns the size of the blob in bytes.
	Stat(ctx context.Context, name string) (int64, error)
	// Delete removes the blob.
	Delete(ctx context.Context, name string) error
	// Classify names the fault of an error.
	Classify(err error) fault.Code
	// Close releases what the store holds.
	Close() error
}

// Blob is a blob that is being written.
type Blob interface {
	io.Writer
	// Commit makes what was written durable and visible under name.
	Commit(ctx context.Context, name string) error
	// Abort drops what was written.
	Abort() error
}
