// Package driver defines what a storage system must provide to hold artifacts.
// Programs use package artifact; only authors of storage drivers need this one,
// and package drivertest tells them whether a driver keeps the contract.
package driver

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// ErrBadName is the error of every method that is given a name that is not a
// [ValidName].
var ErrBadName = errors.New("bad blob name")

// ErrClosed is the error of every method that is called after Close.
var ErrClosed = errors.New("store is closed")

// Store keeps blobs under names that package artifact chooses; see [ValidName].
// What is stored under one name never changes, except that a damaged blob may
// be replaced by a whole one.
//
// All methods are safe for concurrent use, also by several processes. They do
// not retry, they stop soon after ctx is done, and they return the raw errors
// of the storage system, which Classify turns into codes.
type Store interface {
	// Create begins a blob that has no name yet. Nothing of it is visible
	// before its Commit.
	Create(ctx context.Context) (Blob, error)

	// Read returns size bytes of the blob from offset, and the size of the
	// whole blob. A negative size means up to the end; fewer bytes come when
	// the blob is shorter. The caller closes the reader; after ctx is done its
	// Read fails.
	Read(ctx context.Context, name string, offset, size int64) (io.ReadCloser, int64, error)

	// Stat returns the size of the blob in bytes.
	Stat(ctx context.Context, name string) (int64, error)

	// Delete removes the blob unless it was written, or written again, at or
	// after before; the zero time removes it in any case. Deleting a missing
	// blob succeeds. Readers that are open go on or fail, but never get other
	// bytes.
	Delete(ctx context.Context, name string, before time.Time) error

	// List yields every blob whose name starts with prefix, which is empty or
	// ends with '/', in no order. Blobs that come or go meanwhile may be missed.
	// It ends after the first error.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Classify names the fault of an error that another method, a blob or a
	// reader returned: artifact.not_found, artifact.disk_full, artifact.closed,
	// internal.bug for a bad name, and artifact.io for the rest.
	Classify(err error) fault.Code

	// Close releases what the store holds. It is called once, last.
	Close() error
}

// Blob is a blob that is being written, by one goroutine at a time. It ends
// with one Commit or with Abort.
type Blob interface {
	// Write appends to the blob. It does not keep p.
	io.Writer

	// Commit makes what was written visible under name, all at once or not at
	// all, also when the process dies halfway. When it returns nil the blob is
	// durable. A blob that exists under name with the same bytes is success,
	// and counts as written again; one with other bytes is damaged and is
	// replaced. Commit ends the blob whatever it returns.
	Commit(ctx context.Context, name string) error

	// Abort drops what was written. After Commit or Abort it does nothing.
	Abort()
}

// Info describes a stored blob.
type Info struct {
	Name string
	// Size in bytes.
	Size int64
	// Written is when the blob was last written, also when it existed.
	Written time.Time
}

// ValidName reports whether name may be the name of a blob: 1 to 200 bytes in
// two or more parts separated by '/', each of lower-case letters, digits and '-'.
// So no name can leave a folder, hide in it, or collide with another by case.
func ValidName(name string) bool {
	if len(name) > 200 {
		return false
	}
	parts, length := 1, 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '/' && length > 0:
			parts, length = parts+1, 0
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			length++
		default:
			return false
		}
	}
	return parts > 1 && length > 0
}
