package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/services/millrace/term/termtest"
)

// TestDemoOnATerminal runs the demo as a person does: on a terminal, where it
// draws bars, with and without colors.
func TestDemoOnATerminal(t *testing.T) {
	t.Parallel()
	for _, noColor := range []string{"", "1"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file.txt"), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		terminal := termtest.Open(t)
		cmd := exec.Command("millrace", "demo")
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, terminal.File, terminal.File
		// A terminal that answers no questions is one that knows no colors of its own.
		cmd.Env = append(os.Environ(), "TERM=screen", "NO_COLOR="+noColor, "TMPDIR="+dir)
		err := cmd.Run()
		shown := terminal.Shown()
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
