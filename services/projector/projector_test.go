package projector

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

func TestListsWhatTheLogHolds(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range 7 {
			w.write(job{id: fmt.Sprintf("j%d", i), state: events.JobAccepted, revision: 1})
		}
		w.start(Config{})
		<-w.p.Synced()
		<-w.p.Ready()
		first := w.list("default", api.JobQuery{Limit: 3})
		same(t, "first page", ids(first), []string{"j6", "j5", "j4"})
		w.write(job{id: "late", state: events.JobAccepted, revision: 1})
		w.caughtUp()
		second := w.list("default", api.JobQuery{Limit: 5, Cursor: first.NextCursor})
		same(t, "second page", ids(second), []string{"j3", "j2", "j1", "j0"})
		same(t, "no third page", second.NextCursor, "")
	})
}

func TestItemShowsTheNewestRecord(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.start(Config{})
		w.write(job{id: "a", state: events.JobAccepted, revision: 1})
		w.write(job{id: "a", state: events.JobAccepted, revision: 2, kind: events.KindStep})
		w.caughtUp()
		page := w.list("default", api.JobQuery{})
		if len(page.Jobs) != 1 {
			t.Fatalf("%d jobs", len(page.Jobs))
		}
		page.Jobs[0].UpdatedAt = time.Time{}
		same(t, "item", page.Jobs[0], api.JobItem{
			ID: "a", Revision: 2, State: events.JobAccepted, Pipeline: events.PipelineRef{Name: "p"},
			Name: "a.txt", Files: 1, Steps: 2, StepsDone: 1, AcceptedAt: epoch,
		})
	})
}

// TestGoesOnWhereItWas stops the projector while the log grows.
func TestGoesOnWhereItWas(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.write(job{id: "a", state: events.JobAccepted, revision: 1})
		first := w.start(Config{})
		first.caughtUp()
		first.stop()
		w.write(job{id: "a", state: events.JobRunning, revision: 2})
		w.write(job{id: "b", state: events.JobAccepted, revision: 1})
		w.start(Config{})
		w.caughtUp()
		same(t, "generation", w.p.View().Generation, 1)
		same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"b", "a"})
		c, err := w.p.Counts(t.Context(), "default", "")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "counts", c.States, map[string]int64{"accepted": 1, "running": 1})
	})
}

func TestJobsPastTheirRetentionVanish(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.start(Config{ExpireEvery: 5 * time.Millisecond})
		w.write(job{id: "old", state: events.JobCompleted, revision: 1})
		w.write(job{id: "new", state: events.JobAccepted, revision: 1})
		w.caughtUp()
		if err := w.conn.Purge(t.Context(), events.StreamEvents, events.HistoryFilter("default", "old")); err != nil {
			t.Fatal(err)
		}
		w.until("gone", func() bool { return len(w.list("default", api.JobQuery{}).Jobs) == 1 })
		same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"new"})
	})
}

func TestRubbishInTheLogIsPassedOver(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.start(Config{})
		header := map[string]string{events.HeaderRevision: "1", events.HeaderState: "accepted"}
		for i, out := range []bus.Out{
			{Subject: events.EventSubject("default", "p", "x", events.KindJob), Data: []byte("no headers")},
			{Subject: events.EventSubject("default", "p", "NOT", events.KindJob), Header: header, Data: []byte(`{"revision":1}`)},
			{Subject: events.EventSubject("default", "p", "y", events.KindJob), Header: header, Data: []byte("{not json")},
			{Subject: events.EventSubject("default", "p", "z", events.KindJob), Header: header, Data: []byte(`{"revision":0}`)},
			{Subject: events.EventSubject("default", "p", "odd", events.KindJob), Header: header, Data: []byte(
				`{"revision":18446744073709551615,"job":{"state":"\u0000","key":"\u0000","labels":{"\u0000":"\u0000"},` +
					`"fault":{"code":"\u0000","class":"\u0000","message":"\u0000"},"accepted_at":"0001-01-01T00:00:00Z"}}`)},
		} {
			out.ID = fmt.Sprintf("rubbish-%d", i)
			if err := w.conn.Publish(t.Context(), out); err != nil {
				t.Fatal(err)
			}
		}
		w.write(job{id: "a", state: events.JobAccepted, revision: 1})
		w.caughtUp()
		same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"a", "odd"})
	})
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	if _, err := New(Config{}); !fault.Has(err, fault.MillBadConfig) {
		t.Errorf("no bus: %v", err)
	}
	w.start(Config{})
	w.caughtUp()
	<-w.p.Ready()
	w.until("open", func() bool { return w.p.View().Generation == 1 })
	if _, err := w.p.List(t.Context(), "default", api.JobQuery{Cursor: "x"}); !fault.Has(err, fault.HTTPBadRequest) {
		t.Errorf("cursor: %v", err)
	}
	q := api.StatsQuery{Since: epoch, Until: epoch.Add(-time.Hour)}
	if _, err := w.p.Recovery(t.Context(), "default", q); !fault.Has(err, fault.HTTPBadRequest) {
		t.Errorf("recovery: %v", err)
	}
	same(t, "page", w.list("default", api.JobQuery{}), api.JobPage{Jobs: []api.JobItem{}})
	flow, err := w.p.Throughput(t.Context(), "default", api.StatsQuery{})
	if err != nil || len(flow.Spans) != 25 || flow.View == nil {
		t.Errorf("%d spans, %v, %v", len(flow.Spans), flow.View, err)
	}
	failures, err := w.p.Failures(t.Context(), "default", api.StatsQuery{})
	if err != nil || failures.Failures == nil {
		t.Errorf("%v, %v", failures, err)
	}
}

// TestAskedBeforeItRuns wants an answer that says why there is none.
func TestAskedBeforeItRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	p := w.start(Config{}).p
	w.stop()
	if _, err := p.List(context.Background(), "default", api.JobQuery{}); !fault.Has(err, fault.ViewUnavailable) {
		t.Error(err)
	}
}
