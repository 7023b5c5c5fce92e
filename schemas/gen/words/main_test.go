package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is committed is what the source says.
func TestWordsAreCurrent(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	want, err := generate(filepath.Join(root, "events"), filepath.Join(root, "pkg", "api"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`"api.Job.allowed":`, `"api.DeadState":`, `"events.JobState":`} {
		if !strings.Contains(string(want), line) {
			t.Errorf("the words lack %s", line)
		}
	}
	got, err := os.ReadFile(filepath.Join(root, target))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not current: run go generate ./schemas", target)
	}
}
