// Package termtest gives tests a terminal.
package termtest

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is a pseudo-terminal of 80 by 24. A program reads from File and writes to
// it; what it shows is read by Shown.
type Terminal struct {
	File   *os.File
	master *os.File
	ended  chan struct{}

	mu    sync.Mutex
	shown strings.Builder
	seen  int // up to where Await has found what it looked for
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
	x := &Terminal{master: os.NewFile(uintptr(fd), "/dev/ptmx"), ended: make(chan struct{})}
	x.File, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x.Resize(t, 80, 24)
	go x.drain()
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

// Resize gives the terminal another size, and tells the program that it is the
// terminal of.
func (x *Terminal) Resize(t *testing.T, columns, rows uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(x.File.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

// Modes are how the terminal treats what is typed and shown.
func (x *Terminal) Modes(t *testing.T) unix.Termios {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(x.File.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *modes
}

// Await waits until the terminal shows text, after what an earlier Await has found.
func (x *Terminal) Await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		x.mu.Lock()
		all, from := x.shown.String(), x.seen
		i := strings.Index(all[from:], text)
		if i >= 0 {
			x.seen = from + i + len(text)
		}
		x.mu.Unlock()
		if i >= 0 {
			return
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	t.Fatalf("the terminal never showed %q after %q", text, x.shown.String()[x.seen:])
}

// Shown closes the terminal for writing and returns all that was written to it,
// escapes included. It is called when every program has ended.
func (x *Terminal) Shown() string {
	_ = x.File.Close()
	<-x.ended
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.shown.String()
}

// drain reads what the terminal shows until its last writer has closed it.
func (x *Terminal) drain() {
	defer close(x.ended)
	buf := make([]byte, 4096)
	for {
		n, err := x.master.Read(buf)
		x.mu.Lock()
		x.shown.Write(buf[:n])
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}
