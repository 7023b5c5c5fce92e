package operator_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
)

// A process that is gone at once leaves its lease and its intents. Another goes on
// when the lease has run out, and asks nobody a second time.
func TestKilledAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	w.submit("a", 100, events.JobAttention)
	w.server.mode.Store(works)
	conn, err := w.mill.Connect(t.Context(), "doomed")
	if err != nil {
		t.Fatal(err)
	}
	doomed := *w
	doomed.conn = conn
	o, stop := doomed.running(quick())
	watcher := w.operator(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Rate: 1000, InFlight: 5})
	w.await(watcher, op.ID, "some are done", func(op api.Operation) bool { return op.Counts.Done > 5 })
	if err := conn.Close(); err != nil { // it can say nothing more
		t.Fatal(err)
	}
	stop()
	middle := len(w.commands(op.ID))
	if middle == 100 {
		t.Fatal("it was over before it was killed")
	}
	next, _ := w.running(quick())
	op = w.done(next, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 100, Done: 100})
	counts := w.commands(op.ID)
	same(t, "jobs", len(counts), 100)
	for job, n := range counts {
		if n != 1 {
			t.Errorf("job %s was asked %d times", job, n)
		}
	}
}

// Items that were about to be asked when the process died: some were, some were not.
func TestIntentsAreSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	w.submit("a", 20, events.JobAttention)
	w.server.mode.Store(works)
	o := w.operator(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Rate: 1000})
	kv, err := w.conn.KV(t.Context(), events.BucketOperations)
	if err != nil {
		t.Fatal(err)
	}
	intents := make([]map[string]any, 20)
	for i := range intents {
		intents[i] = map[string]any{"s": api.ItemSent, "t": 1}
	}
	value, err := json.Marshal(intents)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(t.Context(), fmt.Sprintf("default.%s.results.0", op.ID), value); err != nil {
		t.Fatal(err)
	}
	asked := w.items(o, op.ID, api.ItemSent)[:10]
	for _, it := range asked {
		data, err := json.Marshal(events.Command{Verb: events.VerbRetry, By: "operation/" + op.ID})
		if err != nil {
			t.Fatal(err)
		}
		err = w.conn.Publish(t.Context(), bus.Out{
			Subject: events.ControlSubject("default", it.ID), Data: data,
			ID: events.OperationCommandID("default", op.ID, it.ID),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.eventually("those that were asked are completed", func() bool { return w.count(events.JobCompleted) == 10 })
	background(t, "operator", o.Run)
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 20, Done: 20})
	for job, n := range w.commands(op.ID) {
		if n != 1 {
			t.Errorf("job %s was asked %d times", job, n)
		}
	}
	same(t, "jobs", len(w.commands(op.ID)), 20)
}

// Of several processes one carries an operation out at a time.
func TestSeveralOperators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	w.submit("a", 60, events.JobAttention)
	w.server.limit.Store(3)
	w.server.mode.Store(works)
	o, _ := w.running(quick())
	w.running(quick())
	w.running(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Rate: 1000, InFlight: 3})
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 60, Done: 60})
	same(t, "the server still works", w.server.mode.Load(), works)
	for job, n := range w.commands(op.ID) {
		if n != 1 {
			t.Errorf("job %s was asked %d times", job, n)
		}
	}
}
