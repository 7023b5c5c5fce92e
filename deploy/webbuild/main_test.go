package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBundlesAreCurrent compares the bundles that are committed with their sources.
func TestBundlesAreCurrent(t *testing.T) {
	t.Parallel()
	for _, b := range []bundle{dashboard, client} {
		if err := b.run("../..", true); err != nil {
			t.Error(err)
		}
	}
}

// TestBuildIsStable builds the same bytes from another folder.
func TestBuildIsStable(t *testing.T) {
	t.Parallel()
	copied := filepath.Join(t.TempDir(), dashboard.sources)
	if err := os.CopyFS(copied, os.DirFS(filepath.Join("../..", dashboard.sources))); err != nil {
		t.Fatal(err)
	}
	here, err := dashboard.build(filepath.Join("../..", dashboard.sources))
	if err != nil {
		t.Fatal(err)
	}
	there, err := dashboard.build(copied)
	if err != nil {
		t.Fatal(err)
	}
	if len(here) != len(there) || len(here) != 4 {
		t.Errorf("%d files here, %d there", len(here), len(there))
	}
	for name := range here {
		if !bytes.Equal(here[name], there[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

// TestCheck finds what differs, what is missing and what is too many, and tells of
// mistakes in the sources.
func TestCheck(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, dashboard.sources), os.DirFS(filepath.Join("../..", dashboard.sources))); err != nil {
		t.Fatal(err)
	}
	if err := dashboard.run(root, true); err == nil || !strings.Contains(err.Error(), "app.js") {
		t.Errorf("without a bundle: %v", err)
	}
	if err := dashboard.run(root, false); err != nil {
		t.Fatal(err)
	}
	if err := dashboard.run(root, true); err != nil {
		t.Errorf("after a build: %v", err)
	}
	for name, says := range map[string]string{"app.css": "app.css is not what", "old.js": "old.js belongs to no source"} {
		if err := os.WriteFile(filepath.Join(root, dashboard.to, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := dashboard.run(root, true); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, dashboard.sources, "main.tsx"), []byte("const = 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := dashboard.run(root, false); err == nil || !strings.Contains(err.Error(), "main.tsx:1:6") {
		t.Errorf("with a mistake: %v", err)
	}
}
