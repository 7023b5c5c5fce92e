package mill_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/mill"
)

// TestDerivedStreamsCanBeDeleted takes away everything but the events while the
// mill is stopped with jobs in every kind of waiting, and wants all of them to
// finish from their events alone.
func TestDerivedStreamsCanBeDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) { c.Drain = -1; c.Slots = 2 })
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

	streams := filepath.Join(w.cfg.DataDir, "nats", "jetstream", "$G", "streams")
	for _, s := range []string{events.StreamQueue, events.StreamOutcomes, events.StreamProgress} {
		if err := os.RemoveAll(filepath.Join(streams, s)); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadDir(streams)
	if err != nil || len(kept) == 0 {
		t.Fatalf("the streams are not where this test deletes them: %v %v", kept, err)
	}
	w.start()
	for _, job := range jobs {
		if j := w.final(job); j.State != events.JobCompleted {
			t.Errorf("job %s ended as %s: %+v", job, j.State, j.Fault)
		}
	}
}
