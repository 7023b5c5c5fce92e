package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/services/millrace/term/termtest"
)

// onTerminal runs the program in dir as a person does, and returns what the
// terminal shows.
func onTerminal(t *testing.T, dir string, env []string, args ...string) (shown string, err error) {
	t.Helper()
	terminal := termtest.Open(t)
	cmd := exec.Command("millrace", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, terminal.File, terminal.File
	cmd.Env = append(os.Environ(), append([]string{"TERM=xterm", "TMPDIR=" + dir}, env...)...)
	err = cmd.Run()
	return terminal.Shown(), err
}

// TestDemoOnATerminal runs the demo where it draws bars, with and without colors.
func TestDemoOnATerminal(t *testing.T) {
	t.Parallel()
	for _, noColor := range []string{"", "1"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file.txt"), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		shown, err := onTerminal(t, dir, []string{"NO_COLOR=" + noColor}, "demo")
		if err != nil {
			t.Fatalf("%v\n%s", err, shown)
		}
		for _, want := range []string{"upload", "█", "publish", "1 of 1 files through", "same bytes", "\x1b[?25h"} {
			if !strings.Contains(shown, want) {
				t.Errorf("NO_COLOR=%q: no %q in %q", noColor, want, shown)
			}
		}
		if colors := strings.Contains(shown, "\x1b[32m"); colors == (noColor != "") {
			t.Errorf("NO_COLOR=%q: colors %v", noColor, colors)
		}
	}
}

// TestWatchOnATerminal watches a job whose file has a name that would move the
// cursor, had it the chance.
func TestWatchOnATerminal(t *testing.T) {
	t.Parallel()
	name := "na\u202eme.txt"
	dir, _ := developing(t, map[string]string{name: "text"})
	shown, err := onTerminal(t, dir, []string{"NO_COLOR="}, "submit", name, "--watch")
	if err != nil {
		t.Fatalf("%v\n%s", err, shown)
	}
	for _, want := range []string{"uploaded na\\u202eme.txt", "✓\x1b[0m publish", "completed", "\x1b[?25h"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in %q", want, shown)
		}
	}
	if strings.Contains(shown, name) {
		t.Error("the name reached the terminal as it is")
	}
	shown, err = onTerminal(t, dir, []string{"TERM=dumb"}, "submit", name, "--watch")
	if err != nil || strings.Contains(shown, "\x1b") {
		t.Errorf("a dumb terminal: %v, %q", err, shown)
	}
}

// TestTerminalIsAskedNothing runs a command that draws nothing on a terminal that
// would not answer: a question would cost seconds, and its answer would end up in
// the shell.
func TestTerminalIsAskedNothing(t *testing.T) {
	t.Parallel()
	shown, err := onTerminal(t, t.TempDir(), []string{"TERM=xterm-256color", "CI="}, "version")
	if err != nil || !strings.HasPrefix(shown, "millrace ") || strings.Contains(shown, "\x1b") {
		t.Errorf("%v, %q", err, shown)
	}
	shown, err = onTerminal(t, t.TempDir(), []string{"TERM=xterm-256color", "CI="}, "demo", "/dev/null")
	if err == nil || strings.Contains(shown, "\x1b]") || strings.Contains(shown, "\x1b[6n") {
		t.Errorf("%v, %q", err, shown)
	}
}
