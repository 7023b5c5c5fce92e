package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/changelog"
)

// TestRun prints what is to come and then releases it, in a copy.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "deploy/changelog"), os.DirFS("..")); err != nil {
		t.Fatal(err)
	}
	fragment := filepath.Join(dir, changelog.Folder, "zebra.md")
	if err := os.WriteFile(fragment, []byte("---\nkind: fixed\n---\nZebras have stripes.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(&out, dir, "", ""); err != nil || !strings.Contains(out.String(), "### Fixed") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := run(io.Discard, dir, "1", "2026-01-02"); err == nil {
		t.Error("a release without a version is written")
	}
	if err := run(io.Discard, dir, "999.0.0", "2026-01-02"); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, changelog.File))
	if err != nil || !strings.Contains(string(log), "## 999.0.0 (2026-01-02)\n") || !strings.Contains(string(log), "- Zebras have stripes.\n") {
		t.Errorf("%v\n%s", err, log)
	}
	if _, err := os.Stat(fragment); err == nil {
		t.Error("a fragment that was released is still there")
	}
}
