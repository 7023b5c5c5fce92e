package publishs3

import (
	"fmt"
	"maps"
	"testing"

	"github.com/millrace/millrace/deploy/s3test"
	"github.com/millrace/millrace/deploy/s3test/server"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

// crashFiles are one of each way to the store. The large one has 4 parts.
var crashFiles = []stagetest.Content{
	{Name: "large", Size: 17 << 20}, text("tiny", "abc"), {Name: "middle", Size: 3 << 19},
}

// stride is 1, for every moment of a job, or n when tests are to be short.
func stride(n int) int {
	if testing.Short() {
		return n
	}
	return 1
}

// requests is how many requests an undisturbed process makes at a job like w.
func requests(t *testing.T, w *world) int {
	t.Helper()
	p := w.other("undisturbed").process(false)
	r := p.mustRun()
	seen := p.proxy.Seen()
	if err := p.undo(r); err != nil {
		t.Fatal(err)
	}
	return len(seen)
}

// TestCrash kills a process before and after each of its requests, and has another
// one finish the work, or take it back.
func TestCrash(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{"own": inMill, "replace": sharedAlways} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s3test.Start(t)
			w, before := newWorld(t, s, "first", config, crashFiles...), map[string]string{}
			if config == sharedAlways {
				w.task.Files = w.task.Files[:2]
				put(t, s, "d/large", "old l")
				put(t, s, "d/tiny", "old t")
				before = map[string]string{"d/large": digest("old l"), "d/tiny": digest("old t")}
			}
			total := requests(t, w)
			for moment := 0; moment < 2*total; moment += stride(7) {
				n, after := 1+moment/2, moment%2 == 1
				crash(t, w.other(fmt.Sprintf("%d-%v", n, after)), n, after, before)
				if t.Failed() {
					t.Fatalf("at request %d of %d, carried out: %v", n, total, after)
				}
			}
		})
	}
}

// crash has a process die, and looks what others make of what it leaves.
func crash(t *testing.T, w *world, n int, after bool, before map[string]string) {
	t.Helper()
	prefix := "d"
	if len(before) == 0 {
		prefix = w.task.Job
	}
	dead := w.process(false).dies(n, after)
	if _, err := dead.run(); err == nil {
		t.Error("a process that was killed succeeds")
	}
	next := w.process(false)
	r := next.mustRun()
	want := w.published(prefix)
	got := s3test.Objects(t, w.server)
	maps.DeleteFunc(got, func(key, _ string) bool { return len(key) > 13 && key[:13] == hidden+"old" })
	for key, digest := range want {
		if got[key] != digest {
			t.Errorf("%s is %q and not %q", key, got[key], digest)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the bucket has %v", got)
	}
	if parts := dead.proxy.Count("UploadPart") + next.proxy.Count("UploadPart"); parts > 4+partsAtOnce+1 {
		t.Errorf("%d parts are sent, of 4", parts)
	}
	for range 2 {
		if err := w.undo(r); err != nil {
			t.Errorf("undo: %v", err)
		}
		w.sees("undone", before)
	}
	gone := w.other(w.task.Job + "-undone")
	_, _ = gone.process(false).dies(n, after).run() // it dies
	if err := gone.undo(stage.Result{}); err != nil {
		t.Errorf("undo after the crash: %v", err)
	}
	w.sees("undone after the crash", before)
}

// TestCrashesOnTheWay kills one process after the other, each a little further on,
// until one comes through.
func TestCrashesOnTheWay(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	w := newWorld(t, s, "job", inMill, stagetest.Content{Name: "large", Size: 62 << 20})
	parts := 0
	for i := range 6 {
		p := w.process(false).dies(4+i%2, i%2 == 0)
		if _, err := p.run(); err == nil {
			t.Fatalf("process %d: it was not killed", i)
		}
		parts += p.proxy.Count("UploadPart")
	}
	p := w.process(false)
	p.mustRun()
	parts += p.proxy.Count("UploadPart")
	w.sees("at last", w.published("job"))
	if parts > 13+6*(partsAtOnce+1) || p.proxy.Count("UploadPart") > 12 {
		t.Errorf("%d parts are sent, of 13, %d by the last process", parts, p.proxy.Count("UploadPart"))
	}
}

// TestZombie holds a process at each of its requests while another one does the
// work, and then lets it go on.
func TestZombie(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	first := newWorld(t, s, "first", inMill, crashFiles...)
	total := requests(t, first)
	for n := 1; n <= total; n += stride(5) {
		w := first.other(fmt.Sprint("job-", n))
		zombie := w.process(false)
		held, release := make(chan struct{}), make(chan struct{})
		zombie.proxy.Decide(func(r server.Request) server.Verdict {
			if r.N == n {
				close(held)
				return server.Verdict{Until: release}
			}
			return server.Verdict{}
		})
		done := make(chan error)
		go func() {
			_, err := zombie.run()
			done <- err
		}()
		<-held
		r := w.run()
		close(release)
		err := <-done // the upload that it sends to may be gone, which breaks the connection
		if err != nil && !fault.Has(err, fault.CheckpointOvertaken) &&
			!fault.Has(err, fault.CheckpointUnexpected) && !fault.Has(err, fault.S3ServerError) {
			t.Errorf("held at request %d, the zombie says %v", n, err)
		}
		w.sees(fmt.Sprint("held at request ", n), w.published(w.task.Job))
		if err := w.undo(r); err != nil {
			t.Error(err)
		}
		w.sees(fmt.Sprint("undone, held at request ", n), map[string]string{})
		if t.Failed() {
			return
		}
	}
}

// TestTakenAway has somebody take an object away before the step could say that it
// is done. It is not put again.
func TestTakenAway(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	w := newWorld(t, s, "job", inMill, crashFiles...)
	w.run() // its answer is lost
	for key := range s3test.Objects(t, s) {
		if err := s.Delete(t.Context(), s3test.Bucket, key); err != nil {
			t.Fatal(err)
		}
	}
	again := w.process(false)
	again.mustRun()
	for _, r := range again.proxy.Seen() {
		if r.Op != "AbortMultipartUpload" { // of which nobody noted that it was completed
			t.Errorf("%s of what is done", r.Op)
		}
	}
	w.sees("again", map[string]string{})
}
