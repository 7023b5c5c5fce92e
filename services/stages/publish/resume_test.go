package publish_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/publish"
)

// drained is a step that was stopped when most of its large file was written.
type drained struct {
	*testing.T
	dir, temp string // the folder, and the hidden file in it
	stage     stage.Stage
	job       *stagetest.Job
}

// large is the size of a file that places are saved of, half of it when tests are to
// be short.
func large() int64 {
	if testing.Short() {
		return 24 << 20
	}
	return 48 << 20
}

func newDrained(t *testing.T) *drained {
	t.Helper()
	dir := t.TempDir()
	d := &drained{T: t, dir: filepath.Join(dir, "d"), stage: publish.New(publish.Options{Dir: dir})}
	d.job = stagetest.NewJob(t, stagetest.Case{Files: []stagetest.Content{
		text("a", "abc"), {Name: "large", Size: large()}, text("z", "xyz"),
	}, Config: never})
	ctx, stop := context.WithCancelCause(t.Context())
	task := d.job.Attempt()
	task.Report = func(done, _ int64, _ string) {
		if done > large()-8<<20 {
			stop(fault.New(fault.StageDraining, "", nil))
		}
	}
	if _, err := d.stage.Run(ctx, task); !fault.Has(err, fault.StageDraining) {
		t.Fatalf("got %v", err)
	}
	var size int64
	for name := range tree(t, d.dir) {
		info, err := os.Lstat(filepath.Join(d.dir, name))
		if err != nil || !strings.HasPrefix(name, ".millrace-") {
			t.Fatalf("%s is to be seen: %v", name, err)
		}
		if info.Size() > size {
			d.temp, size = filepath.Join(d.dir, name), info.Size()
		}
	}
	if size < large()-8<<20 {
		t.Fatalf("the hidden file has %d bytes", size)
	}
	return d
}

// finish has the next attempt do the rest, and returns how many bytes of all were
// done when it began.
func (d *drained) finish() int64 {
	d.Helper()
	task := d.job.Attempt()
	var first atomic.Int64
	task.Report = func(done, _ int64, _ string) { first.CompareAndSwap(0, done) }
	r, err := d.stage.Run(d.Context(), task)
	if err != nil {
		d.Fatal(err)
	}
	want := map[string]string{"a": "abc", "z": "xyz", "large": strings.TrimPrefix(r.Files[1].Digest, "sha256:")}
	if diff := cmp.Diff(want, tree(d.T, d.dir)); diff != "" {
		d.Error(diff)
	}
	return first.Load()
}

func inode(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestResume goes on in the very file that the attempt before has left.
func TestResume(t *testing.T) {
	t.Parallel()
	d := newDrained(t)
	before := inode(t, d.temp)
	if done := d.finish(); done < large()-12<<20 {
		t.Errorf("it goes on at byte %d", done)
	}
	if !os.SameFile(before, inode(t, filepath.Join(d.dir, "large"))) {
		t.Error("the file was written again")
	}
}

// TestResumeWithout changes what the attempt before has left: then it is of no use,
// and what belongs to others is not touched.
func TestResumeWithout(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(d *drained) error{
		"removed":   func(d *drained) error { return os.Remove(d.temp) },
		"shortened": func(d *drained) error { return os.Truncate(d.temp, 1<<20) },
		"linked":    func(d *drained) error { return os.Link(d.temp, filepath.Join(d.dir, "mine")) },
		"a link": func(d *drained) error {
			if err := os.Rename(d.temp, filepath.Join(d.dir, "mine")); err != nil {
				return err
			}
			return os.Symlink("mine", d.temp)
		},
		"a folder": func(d *drained) error {
			if err := os.Remove(d.temp); err != nil {
				return err
			}
			return os.Mkdir(d.temp, 0o755)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrained(t)
			before := inode(t, d.temp)
			if err := change(d); err != nil {
				t.Fatal(err)
			}
			task := d.job.Attempt()
			if _, err := d.stage.Run(t.Context(), task); err != nil {
				t.Fatal(err)
			}
			got := tree(t, d.dir)
			want := strings.TrimPrefix(task.Files[1].Digest, "sha256:")
			if got["large"] != want {
				t.Errorf("the file is %s", got["large"])
			}
			if mine, err := os.Lstat(filepath.Join(d.dir, "mine")); err == nil {
				if mine.Size() != before.Size() || os.SameFile(mine, inode(t, filepath.Join(d.dir, "large"))) {
					t.Error("the file of somebody else was touched")
				}
			}
		})
	}
}

// TestTakenAway has somebody take the files away before the step could say that it
// is done. They are not put there again.
func TestTakenAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := publish.New(publish.Options{Dir: dir})
	job := stagetest.NewJob(t, stagetest.Case{Files: []stagetest.Content{text("a", "abc")}, Config: never})
	for range 2 {
		if _, err := s.Run(t.Context(), job.Attempt()); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(dir, "d", "a")) // gone the second time
	}
	if diff := cmp.Diff(map[string]string{}, tree(t, filepath.Join(dir, "d"))); diff != "" {
		t.Error(diff)
	}
}

// TestCancelledIsTakenBack cancels the job: nothing is kept of the file.
func TestCancelledIsTakenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	job := stagetest.NewJob(t, stagetest.Case{
		Files: []stagetest.Content{text("a", "abc"), {Name: "large", Size: large()}}, Config: never,
	})
	ctx, stop := context.WithCancelCause(t.Context())
	task := job.Attempt()
	task.Report = func(done, _ int64, _ string) {
		if done > large()-8<<20 {
			stop(fault.New(fault.JobCancelled, "", nil))
		}
	}
	_, err := publish.New(publish.Options{Dir: dir}).Run(ctx, task)
	if !fault.Has(err, fault.JobCancelled) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]string{}, tree(t, filepath.Join(dir, "d"))); diff != "" {
		t.Error(diff)
	}
}
