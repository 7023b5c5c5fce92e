package mill_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/pressure"
	"github.com/millrace/millrace/services/mill"
)

// TestAFullDiskParksWhatWrites begins with a full disk, on which what only reads goes on
// and what writes waits; nothing is admitted over HTTP. It makes room bit by bit: the
// steps go on by themselves first, and admission does then.
func TestAFullDiskParksWhatWrites(t *testing.T) {
	t.Parallel()
	var free atomic.Int64 // MiB
	free.Store(50)
	w := newWorld(t, func(c *mill.Config) {
		c.HTTPAddr = "127.0.0.1:0"
		c.DiskLow, c.DiskPark = pressure.Mark{Bytes: 500 << 20}, pressure.Mark{Bytes: 100 << 20}
		c.DiskSpace = func(string) (pressure.Space, error) {
			return pressure.Space{Free: free.Load() << 20, Total: 1000 << 20}, nil
		}
	})
	w.apply("both", `
    - { id: reads, uses: hash@1 }
    - { id: looks, uses: identify@1 }
    - { id: writes, uses: compress@1, needs: [reads, looks] }`)
	// The broker is another door: what is accepted there waits.
	job := w.accepted("both", inline("k", "hello"))
	at := func(j events.Job, step string) events.StepState { return j.Steps[step].State }
	w.await(job, "to where only what reads has gone on", func(j events.Job) bool {
		return at(j, "reads") == events.StepSucceeded && at(j, "looks") == events.StepSucceeded
	})
	parked := w.accepted("both", inline("another", "hello"))
	w.await(parked, "past its first steps too", func(j events.Job) bool { return at(j, "writes") == events.StepQueued })
	if j := w.await(job, "anywhere", func(events.Job) bool { return true }); at(j, "writes") != events.StepQueued {
		t.Errorf("on a full disk the step that writes is %s", at(j, "writes"))
	}
	if got := w.admission(); got != "disk.low " {
		t.Errorf("on a full disk a submission is answered %q", got)
	}

	free.Store(200) // past the high mark and not past the low one
	for _, id := range []string{job, parked} {
		if j := w.final(id); j.State != events.JobCompleted || j.Steps["writes"].Attempt != 1 {
			t.Errorf("job %s is %s after %d attempts", id, j.State, j.Steps["writes"].Attempt)
		}
	}
	if got := w.admission(); got != "disk.low " {
		t.Errorf("on an almost full disk a submission is answered %q", got)
	}

	free.Store(1000)
	for range 3000 {
		if got := w.admission(); got != "disk.low " {
			w.final(got) // it is a job
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("with room again nothing is admitted")
}

// admission submits over HTTP, and returns the job or the code of the refusal.
func (w *world) admission() string {
	return w.post("/v1/jobs", "application/json", "", `{"pipeline":"both","files":[{"inline":"eA==","name":"x"}]}`)
}
