package mill

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/millrace/millrace/pkg/fault"
)

// lockDir makes this process the only one that keeps its broker in dir. The lock
// ends with the process, however it ends; unlock gives it back earlier.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.New(fault.MillStartFailed, "open the lock file", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return nil, fault.New(fault.MillDataDirInUse, dir, nil)
	}
	if err != nil {
		_ = f.Close()
		return nil, fault.New(fault.MillStartFailed, "lock "+dir, err)
	}
	return func() { _ = f.Close() }, nil
}
