// Package termtest gives tests a terminal.
package termtest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Terminal is a pseudo-terminal of 80 by 24. A program reads from File and writes to
// it; what it shows is read by Shown.
type Terminal struct {
	File   *os.File
	master *os.File
	shown  chan string
}

// Open returns a new terminal. It is closed when the test ends.
func Open(t *testing.T) *Terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	x := &Terminal{master: os.NewFile(uintptr(fd), "/dev/ptmx"), shown: make(chan string, 1)}
	x.File, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	size := &unix.Winsize{Row: 24, Col: 80}
	if err := unix.IoctlSetWinsize(int(x.File.Fd()), unix.TIOCSWINSZ, size); err != nil {
		t.Fatal(err)
	}
	go func() { x.shown <- drain(x.master) }()
	t.Cleanup(func() {
		_ = x.File.Close()
		_ = x.master.Close()
	})
	return x
}

// Type types text, which a program reads from File.
func (x *Terminal) Type(t *testing.T, text string) {
	t.Helper()
	if _, err := x.master.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// Shown closes the terminal for writing and returns all that was written to it,
// escapes included. It is called once, when every program has ended.
func (x *Terminal) Shown() string {
	_ = x.File.Close()
	return <-x.shown
}

// drain reads what a terminal shows until its last writer has closed it.
func drain(master *os.File) string {
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := master.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String()
		}
	}
}
