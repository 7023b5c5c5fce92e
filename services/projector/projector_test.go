package projector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The embedded broker keeps one for good.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stats).track"),
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
	)
}

// world is a log that a test writes, and a projector that reads it.
type world struct {
	t    *testing.T
	conn *bus.Conn
	p    *Projector
}

func newWorld(t *testing.T, c Config) *world {
	t.Helper()
	conn := bustest.Conn(t)
	c.Bus, c.Log = conn, bustest.Log(t)
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, conn: conn, p: p}
}

// start runs the projector until the test ends.
func (w *world) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.p.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.t.Errorf("Run returned %v", err)
		}
	})
}

// job describes a record of a job.
type job struct {
	tenant, pipeline, id string
	state                events.JobState
	revision             uint64
	kind                 string
	labels               map[string]string
}

// write commits a record as the conductor does.
func (w *world) write(j job) {
	w.t.Helper()
	if j.tenant == "" {
		j.tenant = events.DefaultTenant
	}
	if j.pipeline == "" {
		j.pipeline = "p"
	}
	if j.kind == "" {
		j.kind = events.KindJob
	}
	rec := events.Record{Type: "job." + string(j.state), Revision: j.revision, Job: events.Job{
		ID: j.id, Tenant: j.tenant, State: j.state, Labels: j.labels,
		Pipeline: events.PipelineRef{Name: j.pipeline}, Files: []events.Source{{Name: j.id + ".txt"}},
		Steps: map[string]events.Step{"a": {State: events.StepSucceeded}, "b": {State: events.StepQueued}},
	}}
	data, err := json.Marshal(rec)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.conn.Commit(w.t.Context(), bus.Out{
		Subject: events.EventSubject(j.tenant, j.pipeline, j.id, j.kind),
		ID:      events.RecordID(j.tenant, j.id, j.revision),
		Header: map[string]string{
			events.HeaderState: string(j.state), events.HeaderRevision: strconv.FormatUint(j.revision, 10),
		},
		Data: data,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// caughtUp waits until the view holds the whole log.
func (w *world) caughtUp() {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		lag, err := w.p.Lag(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if lag == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("still %d behind", lag)
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *world) list(tenant string, q api.JobQuery) api.JobPage {
	w.t.Helper()
	page, err := w.p.List(w.t.Context(), tenant, q)
	if err != nil {
		w.t.Fatal(err)
	}
	return page
}

func ids(p api.JobPage) []string {
	var out []string
	for _, j := range p.Jobs {
		out = append(out, j.ID)
	}
	return out
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestListsNewestFirstInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	for i := range 7 {
		w.write(job{id: fmt.Sprintf("j%d", i), state: events.JobAccepted, revision: 1})
	}
	w.start()
	<-w.p.Synced()

	first := w.list("default", api.JobQuery{Limit: 3})
	same(t, "first page", ids(first), []string{"j6", "j5", "j4"})
	// What comes in between is on no later page.
	w.write(job{id: "late", state: events.JobAccepted, revision: 1})
	w.caughtUp()
	second := w.list("default", api.JobQuery{Limit: 3, Cursor: first.NextCursor})
	same(t, "second page", ids(second), []string{"j3", "j2", "j1"})
	third := w.list("default", api.JobQuery{Limit: 3, Cursor: second.NextCursor})
	same(t, "third page", ids(third), []string{"j0"})
	same(t, "no fourth page", third.NextCursor, "")

	exact := w.list("default", api.JobQuery{Limit: 8})
	same(t, "a page that holds all has no next one", exact.NextCursor, "")
	same(t, "jobs on it", len(exact.Jobs), 8)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.start()
	w.write(job{id: "a", pipeline: "x", state: events.JobAccepted, revision: 1, labels: map[string]string{"team": "one"}})
	w.write(job{id: "b", pipeline: "y", state: events.JobAccepted, revision: 1, labels: map[string]string{"team": "two", "k": "v"}})
	w.write(job{id: "c", pipeline: "x", state: events.JobAccepted, revision: 1})
	w.write(job{id: "d", tenant: "other", state: events.JobAccepted, revision: 1, labels: map[string]string{"team": "one"}})
	w.write(job{id: "a", pipeline: "x", state: events.JobRunning, revision: 2, labels: map[string]string{"team": "one"}})
	w.write(job{id: "b", pipeline: "y", state: events.JobFailed, revision: 2, labels: map[string]string{"team": "two", "k": "v"}})
	w.caughtUp()

	for _, c := range []struct {
		name   string
		tenant string
		q      api.JobQuery
		want   []string
	}{
		{"all", "default", api.JobQuery{}, []string{"c", "b", "a"}},
		{"state", "default", api.JobQuery{States: []events.JobState{events.JobRunning}}, []string{"a"}},
		{"states", "default", api.JobQuery{States: []events.JobState{events.JobRunning, events.JobFailed}}, []string{"b", "a"}},
		{"pipeline", "default", api.JobQuery{Pipeline: "x"}, []string{"c", "a"}},
		{"label", "default", api.JobQuery{Labels: map[string]string{"team": "one"}}, []string{"a"}},
		{"labels", "default", api.JobQuery{Labels: map[string]string{"team": "two", "k": "v"}}, []string{"b"}},
		{"one label of two", "default", api.JobQuery{Labels: map[string]string{"team": "two", "k": "w"}}, nil},
		{"label again, now from memory", "default", api.JobQuery{Labels: map[string]string{"team": "one"}}, []string{"a"}},
		{"all at once", "default", api.JobQuery{
			Labels: map[string]string{"team": "one"}, Pipeline: "x", States: []events.JobState{events.JobRunning},
		}, []string{"a"}},
		{"another tenant", "other", api.JobQuery{}, []string{"d"}},
		{"no such tenant", "nobody", api.JobQuery{}, nil},
	} {
		same(t, c.name, ids(w.list(c.tenant, c.q)), c.want)
	}
	same(t, "counts", w.p.Counts("default"), map[events.JobState]int{
		events.JobAccepted: 1, events.JobRunning: 1, events.JobFailed: 1,
	})
	same(t, "counts of nobody", w.p.Counts("nobody"), map[events.JobState]int{})
}

func TestItemShowsTheNewestRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.start()
	w.write(job{id: "a", state: events.JobAccepted, revision: 1})
	// A record that leaves the job where it is does not reach the view.
	w.write(job{id: "a", state: events.JobAccepted, revision: 2, kind: events.KindStep})
	w.caughtUp()
	page := w.list("default", api.JobQuery{})
	if len(page.Jobs) != 1 {
		t.Fatalf("%d jobs", len(page.Jobs))
	}
	same(t, "item", page.Jobs[0], api.JobItem{
		ID: "a", Revision: 2, State: events.JobAccepted, Pipeline: events.PipelineRef{Name: "p"},
		Name: "a.txt", Files: 1, Steps: 2, StepsDone: 1,
	})
}

func TestHoldsTheNewestOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Jobs: 3})
	for i := range 6 {
		w.write(job{id: fmt.Sprintf("j%d", i), state: events.JobAccepted, revision: 1})
	}
	// One that was dropped does not come back as if it were new.
	w.write(job{id: "j0", state: events.JobCompleted, revision: 2})
	w.write(job{id: "j4", state: events.JobCompleted, revision: 2})
	w.start()
	w.caughtUp()
	same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"j5", "j4", "j3"})
	same(t, "counts", w.p.Counts("default"), map[events.JobState]int{
		events.JobAccepted: 2, events.JobCompleted: 1,
	})
}

func TestJobsPastTheirRetentionVanish(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.start()
	w.write(job{id: "old", state: events.JobCompleted, revision: 1})
	w.write(job{id: "new", state: events.JobAccepted, revision: 1})
	w.caughtUp()
	if err := w.conn.Purge(t.Context(), events.StreamEvents, events.HistoryFilter("default", "old")); err != nil {
		t.Fatal(err)
	}
	same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"new"})
	same(t, "counts", w.p.Counts("default"), map[events.JobState]int{events.JobAccepted: 1})
}

func TestRubbishInTheLogIsPassedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.start()
	for i, out := range []bus.Out{
		{Subject: events.EventSubject("default", "p", "x", events.KindJob), Data: []byte("no headers")},
		{Subject: events.EventSubject("default", "p", "NOT", events.KindJob), Header: map[string]string{
			events.HeaderRevision: "1", events.HeaderState: "accepted",
		}},
		{Subject: events.EventSubject("default", "p", "y", events.KindJob), Data: []byte("{not json"), Header: map[string]string{
			events.HeaderRevision: "1", events.HeaderState: "accepted",
		}},
	} {
		out.ID = fmt.Sprintf("rubbish-%d", i)
		if _, err := w.conn.Commit(t.Context(), out); err != nil {
			t.Fatal(err)
		}
	}
	w.write(job{id: "a", state: events.JobAccepted, revision: 1})
	w.caughtUp()
	same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"a"})
}

func TestBadCursor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	for _, c := range []string{"x", "djE6", "!!", "djI6MQ", formatCursor(7) + "=", "djE6KiE"} {
		if _, err := w.p.List(t.Context(), "default", api.JobQuery{Cursor: c}); !fault.Has(err, fault.HTTPBadRequest) {
			t.Errorf("cursor %q: %v", c, err)
		}
	}
}

func TestEmptyLogIsSyncedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.start()
	select {
	case <-w.p.Synced():
	case <-time.After(10 * time.Second):
		t.Fatal("not synced")
	}
	page := w.list("default", api.JobQuery{})
	same(t, "page", page, api.JobPage{})
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(formatCursor(1))
	f.Add(formatCursor(1 << 60))
	f.Add("djE6LTE")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseCursor(s)
		if err != nil {
			if !fault.Has(err, fault.HTTPBadRequest) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := parseCursor(formatCursor(n))
		if err != nil || again != n {
			t.Fatalf("%q is %d, and then %d %v", s, n, again, err)
		}
	})
}

// TestJobThatIsRolledBackIsLiveAgain wants a job that was final to be listed and
// counted as what it is, in its old place.
func TestJobThatIsRolledBackIsLiveAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.start()
	w.write(job{id: "old", state: events.JobAccepted, revision: 1})
	w.write(job{id: "new", state: events.JobAccepted, revision: 1})
	w.write(job{id: "old", state: events.JobCompleted, revision: 2})
	w.caughtUp()
	live := api.JobQuery{States: []events.JobState{events.JobCompensating}}
	same(t, "live before", ids(w.list("default", live)), nil)
	for revision, state := range []events.JobState{events.JobCompensating, events.JobRolledBack} {
		w.write(job{id: "old", state: state, revision: uint64(revision + 3)})
		w.caughtUp()
		same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"new", "old"})
		same(t, "counts", w.p.Counts("default"), map[events.JobState]int{events.JobAccepted: 1, state: 1})
		same(t, "in that state", ids(w.list("default", api.JobQuery{States: []events.JobState{state}})), []string{"old"})
		same(t, "completed", ids(w.list("default", api.JobQuery{States: []events.JobState{events.JobCompleted}})), nil)
	}
}
