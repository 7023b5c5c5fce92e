package fsstore

import (
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	for cause, code := range map[error]fault.Code{
		syscall.ENOSPC: fault.ArtifactDiskFull, syscall.EDQUOT: fault.ArtifactDiskFull,
		syscall.EFBIG: fault.ArtifactDiskFull, errReserved: fault.ArtifactDiskFull,
		syscall.EACCES: fault.ArtifactIO, syscall.EPERM: fault.ArtifactIO,
		syscall.EROFS: fault.ArtifactIO, syscall.EIO: fault.ArtifactIO,
		syscall.ENOTDIR: fault.ArtifactIO, syscall.EMFILE: fault.ArtifactIO,
		syscall.ENOENT: fault.ArtifactNotFound, os.ErrClosed: fault.ArtifactClosed,
		driver.ErrClosed: fault.ArtifactClosed, driver.ErrBadName: fault.InternalBug,
	} {
		for _, err := range []error{
			cause, &fs.PathError{Op: "write", Path: "c/x", Err: cause},
			&os.LinkError{Op: "link", Old: "a", New: "b", Err: cause},
		} {
			if got := classify(err); got != code {
				t.Errorf("classify(%v) = %s, want %s", err, got, code)
			}
		}
	}
}
