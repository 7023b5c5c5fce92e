package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// developing starts millrace dev in a folder with these files, until the end of the
// test. run runs the program there, wants it to succeed, and returns what it says.
func developing(t *testing.T, files map[string]string) (dir string, run func(args ...string) string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dev := exec.Command("millrace", "dev", "--http-addr", "0", "-o", "json")
	dev.Dir = dir
	out, err := dev.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(dev.Process.Signal(os.Interrupt), dev.Wait()); err != nil {
			t.Errorf("dev: %v", err)
		}
	})
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return dir, func(args ...string) string {
		t.Helper()
		cmd := exec.Command("millrace", args...)
		cmd.Dir = dir
		said, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return strings.TrimSpace(string(said))
	}
}
