package publish_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/publish"
)

// tree lists everything below dir with what stands for its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if !d.Type().IsRegular() {
			found[name] = d.Type().String()
			return nil
		}
		data, err := os.ReadFile(path)
		if len(data) > 100 {
			sum := sha256.Sum256(data)
			data = []byte(hex.EncodeToString(sum[:]))
		}
		found[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func text(name, content string) stagetest.Content {
	return stagetest.Content{Name: name, Data: []byte(content)}
}

func TestPublish(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "shared/taken.txt"), "somebody else's")
	write(t, filepath.Join(dir, "shared/equal.txt"), "the same")
	write(t, filepath.Join(dir, "target"), "not a folder")
	if err := os.Symlink("/etc", filepath.Join(dir, "way-out")); err != nil {
		t.Fatal(err)
	}
	files := []stagetest.Content{text("a.txt", "abc"), {Name: "big ü.bin", Size: 5 << 20}, text("empty", "")}
	files[2].Data = []byte{}
	crashes := 12
	if testing.Short() {
		crashes = 4
	}
	stagetest.Test(t, stagetest.Kit{
		Stage: publish.New(publish.Options{Dir: dir}),
		Cases: []stagetest.Case{
			{Name: "own folder", Files: files, Check: func(t *testing.T, task *stage.Task, r stage.Result) {
				if diff := cmp.Diff(task.Files, r.Files); diff != "" {
					t.Error(diff)
				}
				if got, err := os.ReadFile(r.Findings["path"]); err != nil || string(got) != "abc" {
					t.Errorf("at %q: %q, %v", r.Findings["path"], got, err)
				}
			}},
			{Name: "below", Files: files[:1], Config: `{"dir":"deep/er/still"}`},
			{Name: "top", Files: []stagetest.Content{text("top.txt", "t")}, Config: `{"dir":"."}`},
			{
				Name: "replace", Files: []stagetest.Content{text("taken.txt", "new")},
				Config: `{"dir":"shared","overwrite":"always"}`, Prepare: restore(dir, "shared/taken.txt", "somebody else's"),
			},
			{Name: "equal", Files: []stagetest.Content{text("equal.txt", "the same")}, Config: `{"dir":"shared"}`},
			{
				Name: "taken", Files: []stagetest.Content{text("fresh", "f"), text("taken.txt", "new")},
				Config: `{"dir":"shared"}`, Fault: fault.PublishExists,
				Prepare: restore(dir, "shared/taken.txt", "somebody else's"),
			},
			{Name: "same name", Files: []stagetest.Content{text("a", "1"), text("a", "2")}, Fault: fault.PublishNameCollision},
			{Name: "bad name", Files: []stagetest.Content{text("../../etc/passwd", "x")}, Fault: fault.PublishBadPath},
			{Name: "hidden name", Files: []stagetest.Content{text(".millrace-x", "x")}, Fault: fault.PublishBadPath},
			{Name: "long name", Files: []stagetest.Content{text(strings.Repeat("x", 4096), "x")}, Fault: fault.PublishBadPath},
			{Name: "name with newline", Files: []stagetest.Content{text("a\nb", "x")}, Fault: fault.PublishBadPath},
			{Name: "up", Files: files[:1], Config: `{"dir":"../x"}`, Fault: fault.PublishBadPath},
			{Name: "hidden up", Files: files[:1], Config: `{"dir":"a/../../x"}`, Fault: fault.PublishBadPath},
			{Name: "absolute", Files: files[:1], Config: `{"dir":"/etc"}`, Fault: fault.PublishBadPath},
			{Name: "through a link", Files: files[:1], Config: `{"dir":"way-out"}`, Fault: fault.PublishBadPath},
			{Name: "into a file", Files: files[:1], Config: `{"dir":"target/x"}`, Fault: fault.PublishBadPath},
			{Name: "no files", Fault: fault.StageNoInput},
		},
		BadConfigs: []string{`{"dir":7}`, `{"overwrite":"sometimes"}`, `{"overwrite":true}`},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: []stagetest.Content{f}}
		},
		MaxHeap: 32 << 20, Resumes: true, Unit: 3 * 4 << 20, Cancels: 3, Crashes: crashes,
		Effects: func(t *testing.T) map[string]string { return tree(t, dir) },
	})
	for name := range tree(t, dir) {
		if strings.Contains(name, ".millrace-") && strings.HasSuffix(name, ".tmp") {
			t.Errorf("%s was left behind", name)
		}
	}
}

// restore puts a file back to what it was before the case.
func restore(dir, name, content string) func(*testing.T, *stage.Task) {
	return func(t *testing.T, task *stage.Task) {
		if task.Attempt == 1 && !strings.HasSuffix(task.Job, "-cut-a") {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, name), content)
		}
	}
}

func TestNoFolder(t *testing.T) {
	t.Parallel()
	c := stagetest.Case{Files: []stagetest.Content{text("a", "x")}}
	for name, test := range map[string]struct {
		dir  string
		want fault.Code
	}{
		"none":    {"", fault.PublishNoFolder},
		"missing": {filepath.Join(t.TempDir(), "not", "there"), fault.PublishIO},
	} {
		_, err := publish.New(publish.Options{Dir: test.dir}).Run(t.Context(), stagetest.NewTask(t, c))
		if !fault.Has(err, test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	stagetest.SmallDisk(t, func(t *testing.T, dir string) {
		c := stagetest.Case{Files: []stagetest.Content{
			{Name: "fits", Size: 1 << 20}, {Name: "does not", Size: stagetest.SmallDiskSize + 1},
		}}
		task := unrecorded(stagetest.NewTask(t, c))
		s := publish.New(publish.Options{Dir: dir})
		_, err := s.Run(t.Context(), task)
		if !fault.Has(err, fault.PublishDiskFull) || fault.ClassOf(err) != fault.Resource {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(map[string]string{}, tree(t, dir)); diff != "" {
			t.Errorf("left behind: %s", diff)
		}
		task.Files, task.Attempt = task.Files[:1], 2
		if _, err := s.Run(t.Context(), task); err != nil {
			t.Errorf("with less to publish: %v", err)
		}
	})
}

func TestUnwritable(t *testing.T) {
	t.Parallel()
	stagetest.Unprivileged(t, func(t *testing.T, dir string) {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		task := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{text("a", "x")}})
		_, err := publish.New(publish.Options{Dir: dir}).Run(t.Context(), task)
		if !fault.Has(err, fault.PublishIO) {
			t.Errorf("got %v", err)
		}
	})
}

func TestManyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var c stagetest.Case
	for i := range 200 {
		c.Files = append(c.Files, text(fmt.Sprintf("%03d", i), fmt.Sprint("content ", i)))
	}
	task := stagetest.NewTask(t, c)
	r, err := publish.New(publish.Options{Dir: dir}).Run(t.Context(), task)
	if err != nil || len(r.Files) != 200 || r.Findings["files"] != "200" {
		t.Fatal(r.Findings, err)
	}
	if got := tree(t, filepath.Join(dir, task.Job)); len(got) != 200 || got["123"] != "content 123" {
		t.Errorf("published %d", len(got))
	}
}
