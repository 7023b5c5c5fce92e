package fsstore

import (
	"os"
	"syscall"
)

const (
	// defaultReserve is how much stays free, but never more than one part in
	// reserveShare of the disk.
	defaultReserve = 64 << 20
	reserveShare   = 8
)

// space knows how much of the disk may be used.
type space struct {
	dir     *os.File
	conn    syscall.RawConn
	reserve int64
}

func openSpace(root *os.Root, reserve int64) (*space, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	conn, err := dir.SyscallConn()
	if err != nil {
		dir.Close()
		return nil, err
	}
	sp := &space{dir: dir, conn: conn, reserve: reserve}
	if reserve == 0 {
		disk, err := sp.stat()
		if err != nil {
			dir.Close()
			return nil, err
		}
		sp.reserve = min(defaultReserve, int64(disk.Blocks)*int64(disk.Bsize)/reserveShare)
	}
	return sp, nil
}

// need returns errReserved when n more bytes would use the reserve. It costs one
// system call.
func (sp *space) need(n int) error {
	if sp.reserve < 0 {
		return nil
	}
	disk, err := sp.stat()
	if err != nil {
		return err
	}
	if int64(disk.Bavail)*int64(disk.Bsize) < sp.reserve+int64(n) {
		return errReserved
	}
	return nil
}

func (sp *space) stat() (disk syscall.Statfs_t, err error) {
	failed := sp.conn.Control(func(fd uintptr) {
		for {
			if err = syscall.Fstatfs(int(fd), &disk); err != syscall.EINTR {
				return
			}
		}
	})
	if err == nil {
		err = failed
	}
	return disk, os.NewSyscallError("statfs", err)
}

func (sp *space) close() error { return sp.dir.Close() }
