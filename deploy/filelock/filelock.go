// Package filelock keeps processes that would make the same thing for tests out of each
// other's way.
package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Lock waits until nobody else holds the lock of a file, which it makes if there is none,
// and holds it until unlock is called or the process ends.
func Lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(os.NewSyscallError("flock", err), f.Close())
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}
