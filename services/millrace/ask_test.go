package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/millrace/millrace/services/millrace/term/termtest"
)

const undoable = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata: { name: undoable }
spec:
  steps:
    - id: fetch
      uses: fetch@1
    - id: act
      uses: simulate-effect@1
`

// TestRollbackAsksOnATerminal answers the questions of a rollback as a person does:
// with no, with nothing, and with yes.
func TestRollbackAsksOnATerminal(t *testing.T) {
	t.Parallel()
	dir, run := developing(t, map[string]string{"a.txt": "text", "undoable.yaml": undoable})
	run("pipeline", "apply", "undoable.yaml")
	run("submit", "a.txt", "-p", "undoable", "--key", "k", "--wait")
	job := run("submit", "a.txt", "-p", "undoable", "--key", "k")

	shown, code := answering(t, dir, "wrong file\nno\n", "job", "rollback", job)
	for _, want := range []string{"plan  sha256:", "why is it rolled back? ", "take this back? yes or no: ", "cli.not_confirmed"} {
		if code != 6 || !strings.Contains(shown, want) {
			t.Errorf("exit %d, no %q in %q", code, want, shown)
		}
	}
	shown, code = answering(t, dir, "\n", "job", "rollback", job)
	if code != 6 || strings.Contains(shown, "yes or no") {
		t.Errorf("without a reason: exit %d, %q", code, shown)
	}
	shown, code = answering(t, dir, "yes\n", "job", "rollback", job, "--reason", "wrong file", "--wait")
	if code != 4 || !strings.Contains(shown, "rolled_back") || strings.Contains(shown, "why is it") {
		t.Errorf("exit %d, %q", code, shown)
	}
}

// answering runs the program on a terminal where somebody types, and returns what
// is shown and the exit code.
func answering(t *testing.T, dir, typed string, args ...string) (shown string, code int) {
	t.Helper()
	terminal := termtest.Open(t)
	cmd := exec.Command("millrace", args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, terminal.File, terminal.File, terminal.File
	cmd.Env = append(os.Environ(), "TERM=xterm")
	terminal.Type(t, typed)
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return terminal.Shown(), code
}
