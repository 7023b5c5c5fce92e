package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root leads to the root of the module.
const root = "../.."

// TestPagesAreCurrent makes every page anew.
func TestPagesAreCurrent(t *testing.T) {
	t.Parallel()
	all, err := generate(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range all {
		got, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s/%s is stale; run: go run ./deploy/docs\n%s", folder, name, diff)
		}
	}
}

// TestRun writes the pages of the tree into an empty one.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"schemas", "pkg/pipeline"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := run(dir); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("reference/stages.md")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, folder, "reference/stages.md"))
	if err != nil || string(got) != string(want) {
		t.Errorf("the page of stages differs, or: %v", err)
	}
}

func TestAnchor(t *testing.T) {
	t.Parallel()
	for heading, want := range map[string]string{
		"compress@1":               "compress1",
		"POST /v1/jobs/{id}/retry": "post-v1jobsidretry",
		"Who may use it":           "who-may-use-it",
		"`code` & more":            "code--more",
		"csv-to_parquet":           "csv-to_parquet",
	} {
		if got := anchor(heading); got != want {
			t.Errorf("%q: %q, want %q", heading, got, want)
		}
	}
}
