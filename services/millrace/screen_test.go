package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/services/millrace/term/termtest"
)

const stuck = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata: { name: stuck }
spec:
  steps:
    - id: fetch
      uses: fetch@1
    - id: stuck
      uses: simulate@1
      with: { fail: { class: auth } }
`

// session is the program on a terminal that is its own.
type session struct {
	*termtest.Terminal
	cmd *exec.Cmd
}

// seat starts the program on a terminal.
func seat(t *testing.T, dir string, args ...string) *session {
	t.Helper()
	s := &session{termtest.Open(t), exec.Command("millrace", args...)}
	s.cmd.Dir, s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = dir, s.File, s.File, s.File
	s.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=1", "CI=")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// leaves waits for the end of the program, and checks its exit code and that it has
// given the terminal back and asked it nothing.
func (s *session) leaves(t *testing.T, want int) {
	t.Helper()
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	modes := s.Modes(t)
	shown := s.Shown()
	if code := s.cmd.ProcessState.ExitCode(); code != want {
		t.Errorf("exit %d, want %d: %q", code, want, shown)
	}
	if fresh := termtest.Open(t).Modes(t); modes != fresh {
		t.Errorf("the terminal's modes are %+v, and were %+v", modes, fresh)
	}
	for on, off := range map[string]string{"\x1b[?1049h": "\x1b[?1049l", "\x1b[?25l": "\x1b[?25h", "\x1b[?2004h": "\x1b[?2004l"} {
		if !strings.Contains(shown, on) || strings.LastIndex(shown, on) > strings.LastIndex(shown, off) {
			t.Errorf("%q is not followed by %q in %q", on, off, shown)
		}
	}
	for _, question := range []string{"\x1b]", "\x1b[6n", "\x1b[c"} {
		if strings.Contains(shown, question) {
			t.Errorf("the terminal was asked %q", question)
		}
	}
}

// TestScreensGiveTheTerminalBack watches a job that needs a person, and the mill, on a
// terminal that changes its size, and leaves in every way there is.
func TestScreensGiveTheTerminalBack(t *testing.T) {
	t.Parallel()
	dir, run := developing(t, map[string]string{"a.txt": "text", "stuck.yaml": stuck})
	run("pipeline", "apply", "stuck.yaml")
	job := run("submit", "a.txt", "-p", "stuck")

	s := seat(t, dir, "job", "watch", job)
	s.Await(t, "people are asked")
	s.Await(t, "x abandon")
	s.Resize(t, 60, 30)
	s.Await(t, "people are asked")
	s.Type(t, "c")
	s.Await(t, "cancel this job?")
	s.Type(t, "\x1b")
	s.Await(t, "nothing was done")
	s.Type(t, "q")
	s.leaves(t, 7)

	s = seat(t, dir, "job", "watch", job)
	s.Await(t, "people are asked")
	s.Type(t, "\x03")
	s.leaves(t, 130)

	s = seat(t, dir, "top")
	s.Await(t, job)
	s.Resize(t, 60, 20)
	s.Await(t, job)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.leaves(t, 130)

	s = seat(t, dir, "top")
	s.Await(t, job)
	s.Type(t, "\r")
	s.Await(t, "x abandon")
	s.Type(t, "x")
	s.Await(t, "abandon this job?")
	s.Type(t, "wrong file\r")
	s.Await(t, "job: failed")
	s.Type(t, "q")
	s.Await(t, "millrace top")
	s.Type(t, "q")
	s.leaves(t, 0)
	if state := run("job", "list", "--state", "failed"); !strings.Contains(state, job) {
		t.Errorf("the job is not failed: %s", state)
	}
}
