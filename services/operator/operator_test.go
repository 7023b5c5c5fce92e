package operator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

func TestRetryKeepsToTheCeiling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	many := fewer(300)
	w.submit("a", many, events.JobAttention)
	w.server.limit.Store(8)
	w.server.mode.Store(works)
	o, _ := w.running(quick())
	op := w.start(o, api.OperationRequest{
		Verb: api.OperationRetry, Filter: attention, Rate: 1000, InFlight: 8,
	})
	same(t, "matched", op.Counts.Matched, many)
	// Jobs that come later are no part of it.
	w.server.mode.Store(works)
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: many, Done: many})
	if most := w.server.most.Load(); most > 8 || w.server.mode.Load() != works {
		t.Errorf("%d calls at once, the limit is 8", most)
	}
	w.eventually("all are completed", func() bool { return w.count(events.JobCompleted) == many })
	for job, n := range w.commands(op.ID) {
		if n != 1 {
			t.Errorf("job %s was asked %d times", job, n)
		}
	}
	items := w.items(o, op.ID, api.ItemDone)
	if len(items) != many || items[many-1].Number != many || items[7].JobState != events.JobCompleted {
		t.Errorf("%d items, the last is %+v", len(items), items[len(items)-1])
	}
}

// A runner that is killed in the middle leaves everything to another, which does
// nothing twice.
func TestAnotherRunnerGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	w.submit("a", 120, events.JobAttention)
	w.server.mode.Store(works)
	o, kill := w.running(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Rate: 1000, InFlight: 4})
	w.await(o, op.ID, "some are done", func(op api.Operation) bool { return op.Counts.Done > 10 })
	kill()
	middle := len(w.commands(op.ID))
	if middle == 0 || middle == 120 {
		t.Fatalf("killed after %d of 120", middle)
	}
	next, _ := w.running(quick())
	op = w.done(next, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 120, Done: 120})
	counts := w.commands(op.ID)
	same(t, "jobs", len(counts), 120)
	for job, n := range counts {
		if n != 1 {
			t.Errorf("job %s was asked %d times", job, n)
		}
	}
}

// A runner that is killed when jobs have taken the command leaves it to another to see
// where that led, and their places in flight with it.
func TestAnotherRunnerSeesWhereItLed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	w.submit("a", 6, events.JobAttention)
	w.server.mode.Store(ponders)
	o, kill := w.running(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Rate: 1000, InFlight: 4})
	w.await(o, op.ID, "four have taken it", func(op api.Operation) bool { return op.Counts.Done == 4 })
	kill()
	next, _ := w.running(quick())
	op = w.await(next, op.ID, "four are in flight again", func(op api.Operation) bool { return op.Counts.InFlight == 4 })
	same(t, "asked", len(w.commands(op.ID)), 4)
	w.server.mode.Store(denies)
	op = w.done(next, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 6, Done: 6, Again: 6})
	for _, it := range w.items(next, op.ID, api.ItemDone) {
		if it.Again != string(fault.FetchDenied) || it.JobState != events.JobAttention {
			t.Errorf("%+v", it)
		}
	}
}

func TestDryRunDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	ids := w.submit("a", 3, events.JobAttention)
	calls := w.server.calls.Load()
	w.server.mode.Store(works)
	completed := w.submit("b", 1, events.JobCompleted)
	o, _ := w.running(quick())
	op := w.start(o, api.OperationRequest{
		Verb: api.OperationRetry, DryRun: true,
		Filter: api.OperationFilter{IDs: append(append([]string{"nope", ids[0]}, ids...), completed...)},
	})
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 5, Done: 3, Refused: 2})
	same(t, "calls", w.server.calls.Load(), calls+1)
	same(t, "commands", w.commands(op.ID), map[string]int{})
	var codes []string
	for _, it := range w.items(o, op.ID, api.ItemRefused) {
		codes = append(codes, it.ID+" "+it.Code)
	}
	same(t, "refused", codes, []string{"nope job.not_found", completed[0] + " job.not_allowed"})
}

func TestFilterIsFrozen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	before := w.submit("a", 10, events.JobAttention)
	o := w.operator(quick()) // nobody runs yet
	op := w.start(o, api.OperationRequest{Verb: api.OperationAbandon, Filter: attention, Rate: 1000})
	w.submit("b", 5, events.JobAttention)
	// One of them is no longer in attention when its turn comes.
	other := w.start(o, api.OperationRequest{Verb: api.OperationCancel, Filter: api.OperationFilter{IDs: before[:1]}})
	background(t, "operator", o.Run)
	w.done(o, other.ID)
	op = w.done(o, op.ID)
	same(t, "items", op.Counts.Matched, 10)
	same(t, "settled", op.Counts.Done+op.Counts.Refused, 10)
	w.eventually("ten are final", func() bool { return w.count(events.JobAttention) == 5 })
	for job := range w.commands(op.ID) {
		for i := range before {
			if before[i] == job {
				job = ""
			}
		}
		if job != "" {
			t.Errorf("job %s came later and was abandoned", job)
		}
	}
}

func TestStopAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	w.submit("a", 60, events.JobAttention)
	w.server.mode.Store(works)
	o, _ := w.running(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Rate: 50, InFlight: 2})
	w.await(o, op.ID, "it has begun", func(op api.Operation) bool { return op.Counts.Done > 0 })
	op, err := o.Stop(t.Context(), events.DefaultTenant, op.ID, "lunch", "ann")
	if err != nil || op.State != api.OperationStopped || op.Why != "stopped by ann: lunch" {
		t.Fatalf("%+v %v", op, err)
	}
	again, err := o.Stop(t.Context(), events.DefaultTenant, op.ID, "other", "bob")
	if err != nil || again.Why != op.Why || again.Revision != op.Revision {
		t.Errorf("stopped again: %+v %v", again, err)
	}
	// What was on its way is accounted for, and then nothing more happens.
	w.await(o, op.ID, "nothing is sent", func(api.Operation) bool { return len(w.items(o, op.ID, api.ItemSent)) == 0 })
	asked := len(w.commands(op.ID))
	<-time.After(300 * time.Millisecond)
	same(t, "asked after the stop", len(w.commands(op.ID)), asked)
	if asked >= 60 {
		t.Fatal("it was over before it was stopped")
	}
	if op, err = o.Resume(t.Context(), events.DefaultTenant, op.ID, "ann"); err != nil || op.State != api.OperationRunning || op.Why != "" || op.ChangedBy != "ann" {
		t.Fatalf("%+v %v", op, err)
	}
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 60, Done: 60})
	for job, n := range w.commands(op.ID) {
		if n != 1 {
			t.Errorf("job %s was asked %d times", job, n)
		}
	}
	if _, err = o.Resume(t.Context(), events.DefaultTenant, op.ID, "ann"); !fault.Has(err, fault.OperationNotAllowed) {
		t.Errorf("resumed when done: %v", err)
	}
	if _, err = o.Stop(t.Context(), events.DefaultTenant, op.ID, "", "ann"); !fault.Has(err, fault.OperationNotAllowed) {
		t.Errorf("stopped when done: %v", err)
	}
}

func TestRollbackInBulk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.submit("a", 20, events.JobCompleted)
	o, _ := w.running(quick())
	op := w.start(o, api.OperationRequest{
		Verb: api.OperationRollback, Rate: 1000,
		Filter: api.OperationFilter{Pipeline: "call", Labels: map[string]string{"word": "a"}},
	})
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 20, Done: 20})
	w.eventually("all are rolled back", func() bool { return w.count(events.JobRolledBack) == 20 })
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	for _, id := range ids {
		same(t, "undos of "+id, w.server.undone[id], 1)
	}
}

func TestRollbackOfWhatCannotBeTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(`apiVersion: millrace.dev/v1
kind: Pipeline
metadata: { name: call }
spec:
  steps:
    - id: call
      uses: fragile@1
    - id: tell
      uses: fragile@1
      irreversible: true
`)
	w.submit("a", 2, events.JobCompleted)
	o, _ := w.running(quick())
	r := api.OperationRequest{Verb: api.OperationRollback, Filter: api.OperationFilter{Pipeline: "call"}, Rate: 1000}
	op := w.done(o, w.start(o, r).ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 2, Refused: 2})
	same(t, "code", w.items(o, op.ID, "")[0].Code, string(fault.RollbackIrreversible))
	r.AcceptIrreversible = true
	op = w.done(o, w.start(o, r).ID)
	same(t, "accepted", op.Counts, api.OperationCounts{Matched: 2, Done: 2})
	w.eventually("both are rolled back", func() bool { return w.count(events.JobRolledBack) == 2 })
}

// Many items are spread over many keys, and each has its result.
func TestManyItems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	many := fewer(10_100)
	ids := make([]string, many)
	for i := range ids {
		ids[i] = events.JobID(events.DefaultTenant, fmt.Sprint(i))
	}
	o, _ := w.running(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: api.OperationFilter{IDs: ids}, DryRun: true})
	same(t, "matched", op.Counts.Matched, many)
	if n := len(op.Filter.IDs); n > 20 {
		t.Errorf("%d ids are repeated", n)
	}
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: many, Refused: many})
	for i, it := range w.items(o, op.ID, "") {
		if it.ID != ids[i] || it.Code != string(fault.JobNotFound) {
			t.Fatalf("item %d: %+v", i, it)
		}
	}
	kv, err := w.conn.KV(t.Context(), events.BucketOperations)
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	err = kv.Each(t.Context(), ">", func(e *bus.Entry) error {
		if keys++; len(e.Value) > 64<<10 {
			t.Errorf("%s holds %d bytes", e.Key, len(e.Value))
		}
		return nil
	})
	if err != nil || keys < many/250*2 { // of items, and of results
		t.Errorf("%d keys, %v", keys, err)
	}
}

func TestOneRequestIsOneOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	w.submit("a", 2, events.JobAttention)
	o := w.operator(quick())
	r := api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Reason: "why"}
	op, again, err := o.Start(t.Context(), events.DefaultTenant, r, "ann", "key")
	if err != nil || again || op.Rate != api.DefaultRate || op.InFlight != api.DefaultInFlight {
		t.Fatalf("%+v %v %v", op, again, err)
	}
	w.submit("b", 1, events.JobAttention)
	second, again, err := o.Start(t.Context(), events.DefaultTenant, r, "ann", "key")
	if err != nil || !again || second.ID != op.ID || second.Counts.Matched != 2 {
		t.Errorf("%+v %v %v", second, again, err)
	}
	r.Verb = api.OperationCancel
	if _, _, err = o.Start(t.Context(), events.DefaultTenant, r, "ann", "key"); !fault.Has(err, fault.OperationKeyReused) {
		t.Errorf("another request: %v", err)
	}
	list, err := o.List(t.Context(), events.DefaultTenant)
	if err != nil || len(list.Operations) != 1 || list.Operations[0].By != "ann" {
		t.Errorf("%+v %v", list, err)
	}
	if list, err = o.List(t.Context(), "other"); err != nil || len(list.Operations) != 0 {
		t.Errorf("another tenant's: %+v %v", list, err)
	}
	for _, id := range []string{"nope", "a.b", "*", ""} {
		if _, err := o.Get(t.Context(), events.DefaultTenant, id); !fault.Has(err, fault.OperationNotFound) {
			t.Errorf("operation %q: %v", id, err)
		}
	}
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.operator(quick())
	good := api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Reason: "why"}
	for name, edit := range map[string]func(*api.OperationRequest){
		"no verb":          func(r *api.OperationRequest) { r.Verb = "" },
		"another verb":     func(r *api.OperationRequest) { r.Verb = "skip" },
		"no reason":        func(r *api.OperationRequest) { r.Reason = "" },
		"everything":       func(r *api.OperationRequest) { r.Filter = api.OperationFilter{} },
		"no state":         func(r *api.OperationRequest) { r.Filter.States = []events.JobState{"gone"} },
		"no name":          func(r *api.OperationRequest) { r.Filter.Pipeline = "a.b" },
		"no id":            func(r *api.OperationRequest) { r.Filter.IDs = []string{"*"} },
		"letters' states":  func(r *api.OperationRequest) { r.Verb = api.OperationRedrive },
		"jobs' consumer":   func(r *api.OperationRequest) { r.Filter.Consumer = "c" },
		"too fast":         func(r *api.OperationRequest) { r.Rate = 1001 },
		"too many":         func(r *api.OperationRequest) { r.InFlight = 1001 },
		"too many percent": func(r *api.OperationRequest) { r.StopOn.FailuresPercent = 101 },
		"irreversible":     func(r *api.OperationRequest) { r.AcceptIrreversible = true },
		"until before since": func(r *api.OperationRequest) {
			r.Filter.Since, r.Filter.Until = time.Unix(2, 0), time.Unix(1, 0)
		},
	} {
		r := good
		edit(&r)
		if _, _, err := o.Start(t.Context(), events.DefaultTenant, r, "", ""); !fault.Has(err, fault.OperationInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
