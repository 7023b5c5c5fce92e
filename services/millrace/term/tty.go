package term

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// CanRedraw reports whether w is a terminal that lines can be redrawn on. A
// dumb terminal is not.
func CanRedraw(w io.Writer, getenv func(string) string) bool {
	return getenv("TERM") != "dumb" && IsTerminal(w)
}

// CanColor reports whether colors may be written to w: a terminal, and
// NO_COLOR is unset or empty (no-color.org).
func CanColor(w io.Writer, getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && CanRedraw(w, getenv)
}
