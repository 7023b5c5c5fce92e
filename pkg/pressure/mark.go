package pressure

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/millrace/millrace/pkg/stage"
)

// Mark is how much of a disk should stay free: bytes, or a share of it. The zero
// value is none.
type Mark struct {
	Bytes   int64
	Percent float64
}

// ParseMark reads "1GiB", "5%" or "off". The error is for people.
func ParseMark(text string) (Mark, error) {
	if text == "off" {
		return Mark{}, nil
	}
	if share, ok := strings.CutSuffix(text, "%"); ok {
		p, err := strconv.ParseFloat(share, 64)
		if err != nil || !(p > 0 && p < 100) {
			return Mark{}, fmt.Errorf("a share is more than 0%% and less than 100%%, not %q", text)
		}
		return Mark{Percent: p}, nil
	}
	n, err := stage.ParseBytes(text)
	if err != nil || n <= 0 {
		return Mark{}, fmt.Errorf("it is a size such as 1GiB, a share such as 5%%, or off, not %q", text)
	}
	return Mark{Bytes: n}, nil
}

// Of is the mark in bytes on a disk of a size.
func (m Mark) Of(total int64) int64 {
	return max(m.Bytes, int64(m.Percent/100*float64(total)))
}

// passed reports whether there is less room than the mark, or, when there was less
// before, not a quarter more than it. A disk of no known size has no marks.
func (m Mark) passed(s Space, before bool) bool {
	mark := m.Of(s.Total)
	if mark <= 0 || s.Total <= 0 {
		return false
	}
	if before {
		mark = min(mark+mark/4, s.Total) // of a full share of a disk there is no more
	}
	return s.Free < mark
}

// spaceOf asks the system.
func spaceOf(dir string) (s Space, err error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return s, os.NewSyscallError("statfs", err)
	}
	size := int64(disk.Bsize)
	return Space{Free: int64(disk.Bavail) * size, Total: int64(disk.Blocks) * size}, nil
}
