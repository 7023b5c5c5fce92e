package conductor

import (
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// TestBackpressure fills the queue and wants the next submission to stay in the
// intake, where its submitter feels it, until there is room.
func TestBackpressure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(Config{Broker: w.conn, MaxQueued: 1})
	w.submit("first")
	w.await("first", 1)
	job := events.JobID(events.DefaultTenant, "first")
	w.awaitQueued(events.WorkOfStep(events.DefaultTenant, job, "first"))
	// A request for submissions that was open when the queue filled goes on for
	// up to a second; none is made after it.
	time.Sleep(1500 * time.Millisecond)
	w.submit("second")
	time.Sleep(5 * sample)
	filter := events.HistoryFilter(events.DefaultTenant, events.JobID(events.DefaultTenant, "second"))
	if _, err := w.conn.Last(t.Context(), events.StreamEvents, filter); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("the second job was let in: %v", err)
	}
	if _, err := w.conn.Last(t.Context(), events.StreamIntake, events.AllSubmit); err != nil {
		t.Errorf("the second submission is not in the intake: %v", err)
	}
	// There are no stages here: the test does their work and empties the queue.
	for i, step := range []string{"first", "second"} {
		w.awaitQueued(events.WorkOfStep(events.DefaultTenant, job, step))
		if err := w.conn.Purge(t.Context(), events.StreamQueue, events.AllWork); err != nil {
			t.Fatal(err)
		}
		w.answer("first", step, 1, nil)
		w.await("first", 2+i)
	}
	w.await("second", 1)
}
