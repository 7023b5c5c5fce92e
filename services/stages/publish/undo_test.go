package publish_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/publish"
)

const (
	never  = `{"dir":"d"}`
	always = `{"dir":"d","overwrite":"always"}`
)

// desk is a publish folder with the stage that publishes to it.
type desk struct {
	*testing.T
	dir   string
	stage stage.Stage
}

func newDesk(t *testing.T) desk {
	t.Helper()
	dir := t.TempDir()
	return desk{t, dir, publish.New(publish.Options{Dir: dir})}
}

// task is the step of a job that publishes content as f.
func (d desk) task(job, content, config string) *stage.Task {
	d.Helper()
	task := stagetest.NewTask(d.T, stagetest.Case{Files: []stagetest.Content{text("f", content)}, Config: config})
	task.Job = job
	return unrecorded(task)
}

// unrecorded is a task that can be tried again and again: the folder alone is the
// record of what was done.
func unrecorded(task *stage.Task) *stage.Task {
	bare := *task
	bare.Checkpoints = nil
	return &bare
}

func (d desk) run(task *stage.Task) stage.Result {
	d.Helper()
	r, err := d.stage.Run(d.Context(), task)
	if err != nil {
		d.Fatal(err)
	}
	return r
}

func (d desk) undo(task *stage.Task, r stage.Result) error {
	d.Helper()
	return d.stage.(stage.Compensator).Compensate(d.Context(), task, r)
}

// sees checks what people see in the folder.
func (d desk) sees(when string, want map[string]string) {
	d.Helper()
	if diff := cmp.Diff(want, tree(d.T, filepath.Join(d.dir, "d"))); diff != "" {
		d.Errorf("%s: %s", when, diff)
	}
}

// replaceFile puts another file in the place of f, as editors do.
func (d desk) replaceFile(content string) {
	d.Helper()
	write(d.T, filepath.Join(d.dir, "d", "new"), content)
	if err := os.Rename(filepath.Join(d.dir, "d", "new"), filepath.Join(d.dir, "d", "f")); err != nil {
		d.Fatal(err)
	}
}

func TestUndoOfChangedFiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config string
		change func(d desk)
		want   fault.Code
		left   map[string]string
	}{
		"written to": {
			never, func(d desk) { write(d.T, filepath.Join(d.dir, "d", "f"), "edited") },
			fault.PublishChanged,
			map[string]string{"f": "edited"},
		},
		"written to, same size": {
			never, func(d desk) { write(d.T, filepath.Join(d.dir, "d", "f"), "xyz") },
			fault.PublishChanged,
			map[string]string{"f": "xyz"},
		},
		"replaced": {
			never, func(d desk) { d.replaceFile("edited") },
			fault.PublishChanged,
			map[string]string{"f": "edited"},
		},
		"replaced by the same": {never, func(d desk) { d.replaceFile("abc") }, "", map[string]string{"f": "abc"}},
		"replaced where that is usual": {
			always, func(d desk) { d.replaceFile("edited") },
			"",
			map[string]string{"f": "edited"},
		},
		"gone": {never, func(d desk) {
			if err := os.Remove(filepath.Join(d.dir, "d", "f")); err != nil {
				d.Fatal(err)
			}
		}, "", map[string]string{}},
		"a folder now": {never, func(d desk) {
			if err := os.Remove(filepath.Join(d.dir, "d", "f")); err != nil {
				d.Fatal(err)
			}
			write(d.T, filepath.Join(d.dir, "d", "f", "x"), "x")
		}, fault.PublishChanged, map[string]string{"f": "d---------", "f/x": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			task := d.task("job", "abc", test.config)
			r := d.run(task)
			test.change(d)
			for range 2 {
				if err := d.undo(task, r); !fault.Has(err, test.want) && (err != nil || test.want != "") {
					t.Errorf("got %v, want %s", err, test.want)
				}
				d.sees("undone", test.left)
			}
		})
	}
}

// TestUndoLeavesTheFilesOfOthers publishes what somebody has put there already.
func TestUndoLeavesTheFilesOfOthers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	write(t, filepath.Join(d.dir, "d", "f"), "abc")
	mine, other := d.task("mine", "abc", never), d.task("other", "abc", always)
	r := d.run(mine)
	d.run(other)
	for _, task := range []*stage.Task{mine, other} {
		if err := d.undo(task, r); err != nil {
			t.Error(err)
		}
	}
	d.sees("undone", map[string]string{"f": "abc"})
}

// TestUndoOfAJobLeavesThatOfAnother has two jobs publish the same content.
func TestUndoOfAJobLeavesThatOfAnother(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := d.task("first", "abc", never), d.task("second", "abc", never)
	r := d.run(first)
	d.run(second)
	if err := d.undo(second, r); err != nil {
		t.Error(err)
	}
	d.sees("the second undone", map[string]string{"f": "abc"})
	if err := d.undo(first, r); err != nil {
		t.Error(err)
	}
	d.sees("both undone", map[string]string{})
}

// TestOverwriteTwice has two jobs replace a file one after the other, and undoes
// them in the right order: the old file of the first is not kept for ever.
func TestOverwriteTwice(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	write(t, filepath.Join(d.dir, "d", "f"), "original")
	first, second := d.task("first", "one", always), d.task("second", "two", always)
	one := d.run(first)
	two := d.run(second)
	found := tree(t, filepath.Join(d.dir, "d"))
	if len(found) != 2 || found["f"] != "two" {
		t.Errorf("found %v, want the file and one old one", found)
	}
	for range 2 {
		if err := d.undo(second, two); err != nil {
			t.Error(err)
		}
		d.sees("the second undone", map[string]string{"f": "one"})
	}
	if err := d.undo(first, one); !fault.Has(err, fault.PublishChanged) {
		t.Errorf("got %v", err)
	}
	d.sees("the first cannot be undone", map[string]string{"f": "one"})
}

// TestUndoOfTheFirstOfTwo undoes a job whose file another has replaced.
func TestUndoOfTheFirstOfTwo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := d.task("first", "one", always), d.task("second", "two", always)
	one := d.run(first)
	two := d.run(second)
	if err := d.undo(first, one); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(filepath.Join(d.dir, "d", "f")); err != nil || string(got) != "two" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := d.undo(second, two); err != nil {
		t.Error(err)
	}
	d.sees("both undone", map[string]string{"f": "one"})
}

// TestUndoWhenTheFileWasRemoved puts back what the removed file had replaced.
func TestUndoWhenTheFileWasRemoved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	write(t, filepath.Join(d.dir, "d", "f"), "original")
	task := d.task("job", "abc", always)
	r := d.run(task)
	if err := os.Remove(filepath.Join(d.dir, "d", "f")); err != nil {
		t.Fatal(err)
	}
	if err := d.undo(task, r); err != nil {
		t.Error(err)
	}
	d.sees("undone", map[string]string{"f": "original"})
}

// TestUndoBeforeDo meets a file that was never published by the step.
func TestUndoBeforeDo(t *testing.T) {
	t.Parallel()
	for _, config := range []string{never, always} {
		d := newDesk(t)
		task := d.task("job", "abc", config)
		if err := d.undo(task, stage.Result{}); err != nil {
			t.Errorf("no folder: %v", err)
		}
		write(t, filepath.Join(d.dir, "d", "f"), "of somebody")
		if err := d.undo(task, stage.Result{}); err != nil {
			t.Errorf("another file: %v", err)
		}
		d.sees("undone", map[string]string{"f": "of somebody"})
	}
}

// TestFailureTakesBack fails at the second file and finds the first one gone, and
// what it had replaced back, also what an attempt that died had put there.
func TestFailureTakesBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	write(t, filepath.Join(d.dir, "d", "f"), "original")
	task := d.task("job", "abc", always)
	d.run(task) // as an attempt that died before it could tell
	broken := *task
	broken.Attempt = 2
	missing := task.Files[0]
	missing.Name, missing.Digest = "g", "sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
	broken.Files = append(broken.Files, missing)
	if _, err := d.stage.Run(t.Context(), &broken); !fault.Has(err, fault.ArtifactNotFound) {
		t.Errorf("got %v", err)
	}
	d.sees("failed", map[string]string{"f": "original"})
}
