package term

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// look is how often a question looks whether it is still wanted.
const look = 100 * time.Millisecond

// longAnswer is what a terminal takes as one line, in bytes.
const longAnswer = 4096

// Ask writes "millrace: question" to w and returns the line that is then typed into
// the terminal in, without the space around it. It returns "" when nothing more can
// be typed, and the cause of ctx when that ends first.
func Ask(ctx context.Context, in *os.File, w io.Writer, question string) (string, error) {
	// Nobody is left to ask when w is gone; what is typed is then no answer.
	if _, err := fmt.Fprintf(w, "%s: %s", Name, question); err != nil {
		return "", nil
	}
	waiting := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}}
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := unix.Poll(waiting, int(look.Milliseconds()))
		if n > 0 {
			break
		}
		if err != nil && err != unix.EINTR {
			return "", nil
		}
	}
	line := make([]byte, longAnswer)
	n, err := in.Read(line)
	if err != nil {
		return "", nil
	}
	return strings.TrimSpace(string(line[:n])), nil
}
