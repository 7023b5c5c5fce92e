package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
)

// tree makes files of the given sizes below a new folder.
func tree(t *testing.T, files map[string]int) string {
	t.Helper()
	dir := t.TempDir()
	for name, size := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// names returns folder, name and size of picks.
func names(picks []Pick) []string {
	var out []string
	for _, p := range picks {
		out = append(out, fmt.Sprintf("%s %d", filepath.Join(p.Folder, p.Name()), p.Size))
	}
	return out
}

func TestSampleTakesBiggerFilesFirstAndNothingHidden(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]int{
		"small": 1, "a/big": 300, "a/b/middle": 20, "same2": 20, "empty": 0,
		".hidden": 50, ".git/objects/x": 500, "a/.cache/y": 500, "two\nlines": 10,
	})
	if err := os.Symlink("a/big", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	picks, err := Sample(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a/big 300", "a/b/middle 20", "same2 20", "small 1"}
	if diff := cmp.Diff(want, names(picks)); diff != "" {
		t.Error(diff)
	}
}

func TestSampleOfNothing(t *testing.T) {
	t.Parallel()
	if _, err := Sample(t.TempDir()); !fault.Has(err, fault.DemoNoFiles) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Sample(filepath.Join(t.TempDir(), "gone")); !fault.Has(err, fault.CliUnreadable) {
		t.Errorf("a missing folder: %v", err)
	}
}

func TestChooseKeepsBothLimits(t *testing.T) {
	t.Parallel()
	var all []Pick
	for i := range 10 {
		all = append(all, Pick{Path: fmt.Sprint(i), Folder: ".", Size: int64(10 * (i + 1))})
	}
	if diff := cmp.Diff([]string{"9 100", "8 90"}, names(choose(all, 2, 1000))); diff != "" {
		t.Error("count: " + diff)
	}
	// 100 does not fit; 90 does, and then nothing is small enough.
	if diff := cmp.Diff([]string{"8 90"}, names(choose(all, 40, 99))); diff != "" {
		t.Error("size: " + diff)
	}
	if diff := cmp.Diff([]string{"9 100", "0 10"}, names(choose(all, 40, 119))); diff != "" {
		t.Error("what is left: " + diff)
	}
}

func TestDistinctFindsAPlaceForEveryResult(t *testing.T) {
	t.Parallel()
	picks := distinct([]Pick{
		{Path: "/a/x", Folder: "."},
		{Path: "/b/copy-2/x", Folder: "copy-2"},
		{Path: "/c/x", Folder: "."},
		{Path: "/d/x", Folder: "."},
	})
	want := []string{"x 0", "copy-2/x 0", "copy-3/x 0", "copy-4/x 0"}
	if diff := cmp.Diff(want, names(picks)); diff != "" {
		t.Error(diff)
	}
}

func TestNamedTakesFilesAndFolders(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]int{
		"one/x": 1, "one/sub/y": 2, "two/x": 3, "z": 0, ".dot": 4, "one/.git/c": 9, "bad\nname": 1,
	})
	at := func(names ...string) []string {
		for i, n := range names {
			names[i] = filepath.Join(dir, n)
		}
		return names
	}
	picks, skipped, err := Named(at("one", "two", "z", ".dot", "bad\nname"))
	if err != nil {
		t.Fatal(err)
	}
	// The second x has the place of the first and moves into a folder of its own.
	want := []string{"sub/y 2", "x 1", "copy-2/x 3", "z 0", ".dot 4"}
	if diff := cmp.Diff(want, names(picks)); diff != "" {
		t.Error(diff)
	}
	if len(skipped) != 1 || skipped[0].Reason != "the name is not allowed" {
		t.Errorf("left out: %v", skipped)
	}
	if _, _, err := Named(at("gone")); !fault.Has(err, fault.CliUnreadable) {
		t.Errorf("a missing file: %v", err)
	}
	if _, _, err := Named([]string{"/dev/null"}); !fault.Has(err, fault.DemoNoFiles) {
		t.Errorf("a device: %v", err)
	}
}
