package publish

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/millrace/millrace/events"
)

// markName is the extended attribute that says which step published a file.
const markName = "user.millrace.publish"

// replacedSuffix follows the key of a file that has replaced another.
const replacedSuffix = "+old"

// setMark says that the step key has published the file, and whether it has
// replaced another. A file system without extended attributes is no reason to
// fail.
func setMark(f *os.File, key string, replaced bool) error {
	if replaced {
		key += replacedSuffix
	}
	err := syscall.Setxattr(procPath(f), markName, []byte(key), 0)
	if unmarkable(err) {
		return nil
	}
	return err
}

// contentName is the extended attribute that says what a large file holds, and when
// it was written last.
const contentName = "user.millrace.content"

// setContent says that f, which is not written to any more, is what was to be
// published. Of a file that is quickly read nothing is said.
func setContent(f *os.File, of events.File) error {
	if of.Size <= resumable {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = syscall.Setxattr(procPath(f), contentName, []byte(contentOf(of, info)), 0)
	if unmarkable(err) {
		return nil
	}
	return err
}

func contentOf(of events.File, info os.FileInfo) string {
	return of.Digest + " " + strconv.FormatInt(info.ModTime().UnixNano(), 10)
}

// saysContent reports whether f says that it holds what is to be published, and was
// not written to since.
func saysContent(f *os.File, of events.File, info os.FileInfo) bool {
	buf := make([]byte, 128)
	n, err := syscall.Getxattr(procPath(f), contentName, buf)
	return err == nil && string(buf[:n]) == contentOf(of, info)
}

// mark is what a file says about who published it.
type mark struct {
	key      string // empty when nobody did
	replaced bool   // another file was there before
	none     bool   // the file system keeps no marks
}

// readMark reads the mark of f.
func readMark(f *os.File) (mark, error) {
	buf := make([]byte, 64)
	n, err := syscall.Getxattr(procPath(f), markName, buf)
	switch {
	case err == nil:
		key, replaced := strings.CutSuffix(string(buf[:n]), replacedSuffix)
		return mark{key: key, replaced: replaced}, nil
	case errors.Is(err, syscall.ENODATA), errors.Is(err, syscall.ERANGE):
		return mark{}, nil
	case unmarkable(err):
		return mark{none: true}, nil
	}
	return mark{}, err
}

// of reports whether the file may be one that the step key published.
func (m mark) of(key string) bool { return m.none || m.key == key }

// unmarkable reports that the file system, or the absence of /proc, rules marks out.
func unmarkable(err error) bool {
	for _, e := range []error{syscall.ENOTSUP, syscall.ENOSYS, syscall.EPERM, syscall.ENOENT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// procPath names an open file so that calls that take a path reach this very file.
func procPath(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }
