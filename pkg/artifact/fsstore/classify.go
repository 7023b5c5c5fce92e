package fsstore

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

// errReserved is the error of a write that would use the reserve.
var errReserved = errors.New("only the reserve is left of the disk")

// classify names the fault of an error of the file system.
func classify(err error) fault.Code {
	switch {
	case errors.Is(err, errReserved), errors.Is(err, syscall.ENOSPC),
		errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fault.ArtifactDiskFull
	case errors.Is(err, driver.ErrBadName):
		return fault.InternalBug
	case errors.Is(err, driver.ErrClosed), errors.Is(err, fs.ErrClosed):
		return fault.ArtifactClosed
	case errors.Is(err, fs.ErrNotExist):
		return fault.ArtifactNotFound
	}
	return fault.ArtifactIO
}
