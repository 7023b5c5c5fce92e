package conductor

import (
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
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

// TestTimersKeepNobodyOut: steps in backoff fill the queue with timers and leave room
// for work; only very many of them close the door.
func TestTimersKeepNobodyOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(Config{Broker: w.conn, MaxQueued: 2, MaxTimers: 4})
	down := &events.Fault{Code: "test.down", Class: string(fault.DependencyDown), RetryAfterMS: time.Hour.Milliseconds()}
	for _, key := range []string{"a", "b", "c", "d"} {
		w.submit(key)
		w.await(key, 1)
		job := events.JobID(events.DefaultTenant, key)
		w.awaitQueued(events.WorkOfStep(events.DefaultTenant, job, "first"))
		if err := w.conn.Purge(t.Context(), events.StreamQueue, events.AllWork); err != nil {
			t.Fatal(err) // there are no stages here: the test does their work
		}
		w.answer(key, "first", 1, down)
		w.await(key, 2)
		w.awaitQueued(events.TimerSubject(events.DefaultTenant, job, "first"))
	}
	if n, err := w.conn.Pending(t.Context(), events.StreamQueue, events.ConsumerTimers); err != nil || n != 4 {
		t.Fatalf("%d timers, %v", n, err)
	}
	time.Sleep(1500 * time.Millisecond) // as above
	w.submit("e")
	time.Sleep(5 * sample)
	filter := events.HistoryFilter(events.DefaultTenant, events.JobID(events.DefaultTenant, "e"))
	if _, err := w.conn.Last(t.Context(), events.StreamEvents, filter); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("a job was let in though there are too many timers: %v", err)
	}
	if err := w.conn.Purge(t.Context(), events.StreamQueue, events.AllTimers); err != nil {
		t.Fatal(err)
	}
	w.await("e", 1)
}

// TestTimersAreCounted as they come, are set anew, fire and go.
func TestTimersAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := func(step, id string, in time.Duration) {
		t.Helper()
		err := w.conn.Publish(t.Context(), bus.Out{
			Subject: events.TimerSubject("default", "j", step), ID: id, Data: []byte(`{}`),
			At: time.Now().Add(in), Target: events.DueSubject("default", "j"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func(want uint64) {
		t.Helper()
		var n uint64
		for range 1000 {
			var err error
			if n, err = w.conn.Pending(t.Context(), events.StreamQueue, events.ConsumerTimers); err != nil {
				t.Fatal(err)
			}
			if n == want {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%d timers, want %d", n, want)
	}
	set("a", "1", time.Hour)
	set("b", "2", time.Hour)
	count(2)
	set("b", "3", time.Hour)
	set("c", "4", 100*time.Millisecond)
	w.awaitQueued(events.AllDue)
	count(2)
	if err := w.conn.Purge(t.Context(), events.StreamQueue, events.TimerSubject("default", "j", "a")); err != nil {
		t.Fatal(err)
	}
	count(1)
}
