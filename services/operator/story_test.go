package operator_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// What others have lived through, as tests that name it.

// github.com/dbos-inc/dbos-transact-java/issues/305: thousands of failed runs are
// to go back to a server that bears only so much, and all at once they break it
// again. Here the ceiling holds, and when the server breaks all the same, no more
// than the ceiling is lost to it.
func TestStoryDBOS305SecondOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	many := fewer(200)
	w.submit("a", many, events.JobAttention)
	w.server.mode.Store(down) // not mended at all
	before := w.server.calls.Load()
	o, _ := w.running(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Rate: 1000, InFlight: 10})
	op = w.await(o, op.ID, "it stops by itself", is(api.OperationStopped))
	if op.Code != string(fault.OperationFailing) || op.Why == "" {
		t.Errorf("stopped for %q: %s", op.Code, op.Why)
	}
	asked := len(w.commands(op.ID))
	if asked > 10 || asked < 5 {
		t.Errorf("%d jobs were set loose, the ceiling is 10", asked)
	}
	if w.server.calls.Load() == before {
		t.Error("nobody called the server")
	}
	op = w.await(o, op.ID, "it is told who failed again", func(op api.Operation) bool { return op.Counts.Again >= 5 })
	if it := w.items(o, op.ID, api.ItemDone)[0]; it.Again != string(fault.HttpcallUnavailable) {
		t.Errorf("%+v", it)
	}
	// Mended at last, the rest follows.
	w.server.limit.Store(10)
	w.server.mode.Store(works)
	w.eventually("those are completed", func() bool { return w.count(events.JobCompleted) == asked })
	if _, err := o.Resume(t.Context(), events.DefaultTenant, op.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	op = w.done(o, op.ID)
	same(t, "done", op.Counts.Done, many)
	w.eventually("all are completed", func() bool { return w.count(events.JobCompleted) == many })
	same(t, "the server still works", w.server.mode.Load(), works)
}

// github.com/riverqueue/riverui/issues/590: a page of 200 is all that can be acted on
// at once, so thousands are clicked through by hand. Here one request says "all of
// them", says before how many that are, and is carried out by the server.
func TestStoryRiverUI590AllInAView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	many := max(fewer(api.MaxLimit+60), 220) // more than a page of theirs, and, in full, than any of ours
	w.submit("a", many, events.JobAttention)
	o, _ := w.running(quick())
	r := api.OperationRequest{
		Verb: api.OperationAbandon, Filter: api.OperationFilter{Pipeline: "call", States: attention.States, Code: string(fault.FetchDenied)},
		Rate: 1000, InFlight: 200, DryRun: true,
	}
	plan := w.done(o, w.start(o, r).ID)
	same(t, "would be abandoned", plan.Counts, api.OperationCounts{Matched: many, Done: many})
	same(t, "are in attention", w.count(events.JobAttention), many)
	r.DryRun = false
	op := w.done(o, w.start(o, r).ID)
	// Giving up is no outage, though every job has failed.
	same(t, "settled", op.Counts.Done, many)
	same(t, "results", len(w.items(o, op.ID, api.ItemDone)), many)
	// What their attempts may have done is taken back.
	w.eventually("all are taken back", func() bool { return w.count(events.JobRolledBack) == many })
}

// github.com/riverqueue/river/issues/971: jobs that are to run one after the other
// are retried together and all run at once. Here they go one by one, in the order in
// which they came.
func TestStoryRiver971OneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	ids := w.submit("a", 20, events.JobAttention)
	w.server.limit.Store(1)
	w.server.mode.Store(works)
	o, _ := w.running(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Rate: 1000, InFlight: 1})
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 20, Done: 20})
	same(t, "calls at once", w.server.most.Load(), 1)
	order := map[string]int{}
	for _, it := range w.items(o, op.ID, "") {
		order[it.ID] = it.Number
	}
	var accepted []string
	err := w.conn.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents}, func(m *bus.Message) error {
		var rec events.Record
		if err := json.Unmarshal(m.Data, &rec); err != nil {
			return err
		}
		if rec.Revision == 1 {
			accepted = append(accepted, rec.Job.ID)
		}
		return nil
	})
	if err != nil || len(accepted) != len(ids) {
		t.Fatalf("%d jobs, %v", len(accepted), err)
	}
	for i, id := range accepted {
		if order[id] != i+1 {
			t.Errorf("job %s came as number %d and had its turn as number %d", id, i+1, order[id])
		}
	}
}

// github.com/temporalio/temporal/issues/6724: in bulk there is only the bluntest way
// to act, and people write loops of their own for the rest. Here everything that can
// be asked of one job without saying which step can be asked of all.
func TestStoryTemporal6724EveryVerb(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, _ := w.running(quick())
	bulk := func(verb api.OperationVerb, word string, state events.JobState) {
		t.Helper()
		before := w.count(state)
		op := w.start(o, api.OperationRequest{
			Verb: verb, Rate: 1000, Filter: api.OperationFilter{Labels: map[string]string{"word": word}},
		})
		op = w.done(o, op.ID)
		same(t, string(verb), op.Counts.Done, 3)
		w.eventually(string(verb)+" leaves them "+string(state), func() bool { return w.count(state) == before+3 })
	}
	w.submit("done", 3, events.JobCompleted)
	bulk(api.OperationRollback, "done", events.JobRolledBack)

	w.server.mode.Store(denies)
	w.submit("bad", 3, events.JobAttention)
	bulk(api.OperationAbandon, "bad", events.JobRolledBack)

	w.submit("later", 3, events.JobAttention)
	bulk(api.OperationPause, "later", events.JobPaused)
	bulk(api.OperationResume, "later", events.JobAttention)
	w.server.mode.Store(works)
	bulk(api.OperationRetry, "later", events.JobCompleted)

	w.server.mode.Store(hangs)
	w.submit("stuck", 3, events.JobAccepted)
	bulk(api.OperationCancel, "stuck", events.JobCancelled)
}

// letters makes n dead letters of submissions to a pipeline that is not there.
func (w *world) letters(n int) {
	w.t.Helper()
	var outs []bus.Out
	for i := range n {
		outs = append(outs, bus.Out{
			Subject: events.SubmitSubject(events.DefaultTenant, "late"), ID: fmt.Sprintf("late-%d", i),
			Data: []byte(`{"files":[{"name":"a.txt","inline":"aGVsbG8K"}]}`),
		})
	}
	if err := w.conn.Publish(w.t.Context(), outs...); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("all are dead letters", func() bool {
		depth, err := w.conn.Depth(w.t.Context(), events.StreamDead)
		return err == nil && depth == uint64(n)
	})
}

func TestRedriveInBulk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.letters(40)
	o, _ := w.running(quick())
	r := api.OperationRequest{
		Verb: api.OperationRedrive, Filter: api.OperationFilter{Code: string(fault.PipelineNotFound)}, Rate: 1000, InFlight: 10,
	}
	// The pipeline is still missing: they come back, and that is the end of it.
	op := w.await(o, w.start(o, r).ID, "it stops by itself", is(api.OperationStopped))
	same(t, "code", op.Code, string(fault.OperationFailing))
	op = w.await(o, op.ID, "it is told what came back", func(op api.Operation) bool { return op.Counts.Again >= 5 })
	if op.Counts.Done > 20 {
		t.Errorf("%+v", op.Counts)
	}
	w.apply(`apiVersion: millrace.dev/v1
kind: Pipeline
metadata: { name: late }
spec:
  steps:
    - id: call
      uses: fragile@1
`)
	if _, err := o.Resume(t.Context(), events.DefaultTenant, op.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	op = w.done(o, op.ID)
	same(t, "redriven", op.Counts.Done, 40)
	// What came back is open, and makes the jobs that the first ones would have.
	op = w.done(o, w.start(o, r).ID)
	same(t, "counts", op.Counts.Done, op.Counts.Matched)
	w.eventually("each has made its job", func() bool { return w.count(events.JobCompleted) == 40 })
	same(t, "nothing is left", w.start(o, r).Counts.Matched, 0)
	for _, it := range w.items(o, op.ID, "") {
		if it.Job == "" || it.JobState != events.JobCompleted {
			t.Errorf("%+v", it)
		}
	}
}

func TestStopsWhenACircuitOpens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(down)
	w.submit("a", 12, events.JobWaiting) // tried again, of their own
	o, _ := w.running(quick())
	kv, err := w.conn.KV(t.Context(), events.BucketBreakers)
	if err != nil {
		t.Fatal(err)
	}
	say := func(state events.BreakerState, left time.Duration) {
		now := time.Now().UTC()
		data, err := json.Marshal(events.Breaker{
			Worker: "w", Dependency: serverName, State: state, Since: now, Time: now, Until: now.Add(left),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kv.Put(t.Context(), events.BreakerKey("w", serverName), data); err != nil {
			t.Fatal(err)
		}
	}
	say(events.BreakerOpen, time.Hour)
	r := api.OperationRequest{
		Verb: api.OperationRetry, Filter: api.OperationFilter{Pipeline: "call"}, Rate: 1000,
		StopOn: api.StopOn{FailuresPercent: 100},
	}
	op := w.await(o, w.start(o, r).ID, "it stops by itself", is(api.OperationStopped))
	same(t, "code", op.Code, string(fault.BreakerOpen))
	same(t, "commands", w.commands(op.ID), map[string]int{})
	// A circuit that lets single calls through lets single items through.
	w.server.mode.Store(works)
	say(events.BreakerHalfOpen, 0)
	w.eventually("all are completed", func() bool { return w.count(events.JobCompleted) == 12 })
	if _, err := o.Resume(t.Context(), events.DefaultTenant, op.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 12, Refused: 12})
}

// A bulk action that reports success for jobs that are stuck again right after hides
// them: those whose access is still refused took the command, and are told apart.
func TestFailedAgainForGoodIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.mode.Store(denies)
	w.submit("a", 10, events.JobAttention)
	o, _ := w.running(quick())
	op := w.start(o, api.OperationRequest{Verb: api.OperationRetry, Filter: attention, Rate: 1000})
	op = w.done(o, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 10, Done: 10, Again: 10})
	for _, it := range w.items(o, op.ID, api.ItemDone) {
		if it.Again != string(fault.FetchDenied) {
			t.Errorf("%+v", it)
		}
	}
}
