package mill_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/services/mill"
)

// TestDerivedStreamsCanBeDeleted takes away everything but the events while the
// mill is stopped with jobs in every kind of waiting, and wants all of them to
// finish from their events alone.
func TestDerivedStreamsCanBeDeleted(t *testing.T) {
	t.Parallel()
	for _, derived := range []string{bus.DerivedMemory, bus.DerivedAsync} {
		t.Run(derived, func(t *testing.T) {
			t.Parallel()
			deleteDerived(t, derived)
		})
	}
}

func deleteDerived(t *testing.T, derived string) {
	t.Helper()
	w := newWorld(t, func(c *mill.Config) { c.Drain, c.Slots, c.Derived = -1, 2, derived })
	w.apply("mixed", `
    - id: slow
      uses: simulate@1
      with: { delay: 300ms }
    - id: flaky
      uses: simulate@1
      with: { fail: { class: transient, times: 1 } }
      retry: { initial: 500ms, max: 1s }
    - id: last
      uses: hash@1
`)
	var jobs []string
	for i := range 20 {
		jobs = append(jobs, w.accepted("mixed", inline(fmt.Sprintf("k%d", i), "content")))
	}
	w.await(jobs[0], "past its first step", func(j events.Job) bool { return j.Steps["flaky"].Attempt > 0 })
	w.stop()

	deleteStreams(t, filepath.Join(w.cfg.DataDir, "nats", "jetstream", "$G", "streams"), derived)
	w.start()
	for _, job := range jobs {
		if j := w.final(job); j.State != events.JobCompleted {
			t.Errorf("job %s ended as %s: %+v", job, j.State, j.Fault)
		}
	}
}

// deleteStreams removes the folders of the derived streams. Those in memory have
// none, and are gone already.
func deleteStreams(t *testing.T, dir, derived string) {
	t.Helper()
	for _, s := range []string{events.StreamQueue, events.StreamOutcomes, events.StreamProgress} {
		_, err := os.Stat(filepath.Join(dir, s))
		if onDisk := err == nil; onDisk != (derived != bus.DerivedMemory && s != events.StreamProgress) {
			t.Errorf("stream %s on disk: %t", s, onDisk)
		}
		if err := os.RemoveAll(filepath.Join(dir, s)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, events.StreamEvents)); err != nil {
		t.Fatalf("the streams are not where this test deletes them: %v", err)
	}
}
