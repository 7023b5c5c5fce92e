package publishs3

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/deploy/s3test"
	"github.com/millrace/millrace/deploy/s3test/server"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

// job is one that publishes content as d/f.
func job(t *testing.T, s *server.Server, id, content, config string) *world {
	t.Helper()
	return newWorld(t, s, id, config, text("f", content))
}

func (w *world) mustUndo(r stage.Result) {
	w.Helper()
	if err := w.undo(r); err != nil {
		w.Errorf("undo: %v", err)
	}
}

func TestUndoOfChangedObjects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config string
		change func(t *testing.T, s *server.Server)
		want   fault.Code
		left   map[string]string
	}{
		"replaced": {
			sharedNever, func(t *testing.T, s *server.Server) { put(t, s, "d/f", "edited") },
			fault.PublishChanged,
			map[string]string{"d/f": digest("edited")},
		},
		"replaced, same size": {
			sharedNever, func(t *testing.T, s *server.Server) { put(t, s, "d/f", "xyz") },
			fault.PublishChanged,
			map[string]string{"d/f": digest("xyz")},
		},
		"replaced by the same": {
			sharedNever, func(t *testing.T, s *server.Server) { put(t, s, "d/f", "abc") },
			"",
			map[string]string{"d/f": digest("abc")},
		},
		"replaced where that is usual": {
			sharedAlways, func(t *testing.T, s *server.Server) { put(t, s, "d/f", "edited") },
			"",
			map[string]string{"d/f": digest("edited")},
		},
		"gone": {sharedNever, func(t *testing.T, s *server.Server) {
			if err := s.Delete(t.Context(), s3test.Bucket, "d/f"); err != nil {
				t.Fatal(err)
			}
		}, "", map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s3test.Start(t)
			w := job(t, s, "job", "abc", test.config)
			r := w.run()
			test.change(t, s)
			for range 2 {
				if err := w.undo(r); !fault.Has(err, test.want) && (err != nil || test.want != "") {
					t.Errorf("got %v, want %s", err, test.want)
				}
				w.sees("undone", test.left)
			}
		})
	}
}

// TestUndoLeavesTheObjectsOfOthers publishes what somebody has put there already.
func TestUndoLeavesTheObjectsOfOthers(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	put(t, s, "d/f", "abc")
	mine, other := job(t, s, "mine", "abc", sharedNever), job(t, s, "other", "abc", sharedAlways)
	r := mine.run()
	other.run()
	mine.mustUndo(r)
	other.mustUndo(r)
	mine.sees("undone", map[string]string{"d/f": digest("abc")})
}

// TestUndoOfAJobLeavesThatOfAnother has two jobs publish the same content.
func TestUndoOfAJobLeavesThatOfAnother(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	first, second := job(t, s, "first", "abc", sharedNever), job(t, s, "second", "abc", sharedNever)
	r := first.run()
	second.run()
	second.mustUndo(r)
	second.sees("the second undone", map[string]string{"d/f": digest("abc")})
	first.mustUndo(r)
	first.sees("both undone", map[string]string{})
}

// TestOverwriteTwice has two jobs replace an object one after the other, and undoes
// them in the right order: the old object of the first is not kept for ever.
func TestOverwriteTwice(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	put(t, s, "d/f", "original")
	first, second := job(t, s, "first", "one", sharedAlways), job(t, s, "second", "two", sharedAlways)
	one, two := first.run(), second.run()
	old := map[string]int{}
	for key, sum := range s3test.Objects(t, s) {
		if key != "d/f" {
			old[sum]++
		}
	}
	if diff := cmp.Diff(map[string]int{digest(""): 1, digest("one"): 1}, old); diff != "" {
		t.Errorf("old objects: %s", diff)
	}
	for range 2 {
		second.mustUndo(two)
		if got := s3test.Objects(t, s)["d/f"]; got != digest("one") {
			t.Errorf("undone is %s", got)
		}
	}
	if err := first.undo(one); !fault.Has(err, fault.PublishChanged) {
		t.Errorf("got %v", err)
	}
	if got := s3test.Objects(t, s)["d/f"]; got != digest("one") {
		t.Errorf("what cannot be undone is %s", got)
	}
}

// TestUndoOfTheFirstOfTwo undoes a job whose object another has replaced.
func TestUndoOfTheFirstOfTwo(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	first, second := job(t, s, "first", "one", sharedAlways), job(t, s, "second", "two", sharedAlways)
	one, two := first.run(), second.run()
	first.mustUndo(one)
	if got := s3test.Objects(t, s)["d/f"]; got != digest("two") {
		t.Errorf("got %s", got)
	}
	second.mustUndo(two)
	first.sees("both undone", map[string]string{"d/f": digest("one")})
}

// TestUndoWhenTheObjectWasRemoved puts back what the removed one had replaced.
func TestUndoWhenTheObjectWasRemoved(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	put(t, s, "d/f", "original")
	w := job(t, s, "job", "abc", sharedAlways)
	r := w.run()
	if err := s.Delete(t.Context(), s3test.Bucket, "d/f"); err != nil {
		t.Fatal(err)
	}
	w.mustUndo(r)
	w.sees("undone", map[string]string{"d/f": digest("original")})
}

// TestUndoBeforeDo meets an object that was never published by the step.
func TestUndoBeforeDo(t *testing.T) {
	t.Parallel()
	for _, config := range []string{sharedNever, sharedAlways} {
		s := s3test.Start(t)
		w := job(t, s, "job", "abc", config)
		w.mustUndo(stage.Result{})
		put(t, s, "d/f", "of somebody")
		w.mustUndo(stage.Result{})
		w.sees("undone", map[string]string{"d/f": digest("of somebody")})
	}
}

// TestCopyInParts replaces an object that is too large to be copied at once, and
// puts it back.
func TestCopyInParts(t *testing.T) {
	t.Parallel()
	const limit = 6 << 20
	s := s3test.StartWith(t, server.Options{CopyLimit: limit})
	old := newWorld(t, s, "old", sharedNever, stagetest.Content{Name: "f", Size: 13 << 20})
	old.run()
	before := s3test.Objects(t, s)
	w := job(t, s, "job", "abc", sharedAlways)
	run := func(undo bool, r stage.Result) stage.Result {
		t.Helper()
		p := w.process(undo)
		p.stage.stores["default"].copyLimit = limit
		if !undo {
			return p.mustRun()
		}
		if err := p.stage.Compensate(p.ctx, p.task, r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := run(false, stage.Result{})
	if got := s3test.Objects(t, s)["d/f"]; got != digest("abc") {
		t.Errorf("replaced by %s", got)
	}
	run(true, r)
	w.sees("undone", before)
	if err := old.undo(stage.Result{Files: old.task.Files}); err != nil {
		t.Errorf("the object does not say any more whose it is: %v", err)
	}
	w.sees("both undone", map[string]string{})
}

// TestNames publishes, replaces and undoes objects with names that want to be
// something else.
func TestNames(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	var files []stagetest.Content
	before := map[string]string{}
	for _, name := range []string{
		"a b", "a+b", "a%2Fb", "a%b", "ü—日本.txt", "e\u0301", "...", ".hidden", "..x", "~", "a?b", "a#b", "a&b=c",
		"'\"`", "*", "<x>", "-rf", "$(x)", "uploads", "a;b", "a:b", "@", "[x]", "{x}|^",
	} {
		files = append(files, text(name, "new "+name))
		put(t, s, "d/"+name, "old "+name)
		before["d/"+name] = digest("old " + name)
	}
	w := newWorld(t, s, "job", sharedAlways, files...)
	r := w.run()
	got := s3test.Objects(t, s)
	for key, sum := range w.published("d") {
		if got[key] != sum {
			t.Errorf("%s is %q", key, got[key])
		}
	}
	w.mustUndo(r)
	w.sees("undone", before)
}
