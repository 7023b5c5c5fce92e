// Package fsstore keeps artifacts in a directory of the local file system.
package fsstore

import (
	"errors"

	"github.com/millrace/millrace/pkg/artifact/driver"
)

// Options tunes the store. The zero value is the durable mode.
type Options struct {
	// Reserve is how many bytes of the disk stay free. Zero means 64 MiB,
	// negative means none.
	Reserve int64
	// NoSync leaves syncing to the operating system: a power cut may lose
	// content that was reported as stored.
	NoSync bool
}

// New returns a store in dir, which is made when it does not exist.
func New(dir string, o *Options) (driver.Store, error) {
	return nil, errors.ErrUnsupported
}
