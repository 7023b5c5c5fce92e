package projector

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/deploy/pgtest"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/jobview"
)

var postgres pgtest.Shared

func TestMain(m *testing.M) {
	os.Exit(postgres.Main(leaks{m}))
}

// leaks are tests that end with all their goroutines.
type leaks struct{ m *testing.M }

// Run runs the tests, and then looks.
func (l leaks) Run() int {
	code := l.m.Run()
	err := goleak.Find(
		// The embedded broker keeps one for good.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stats).track"),
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
		// The server of the tests is still to be closed.
		goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"), goleak.IgnoreAnyFunction("os/exec.(*Cmd).Start.func2"),
	)
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return max(code, 1)
	}
	return code
}

// onBoth runs a test with a view in each database.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	for name, place := range map[string]func() string{
		"sqlite": t.TempDir, "postgres": func() string { return postgres.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, place()))
		})
	}
}

// world is a log that a test writes, and a projector that reads it.
type world struct {
	t     *testing.T
	conn  *bus.Conn
	place string
	*run
}

// run is a projector that runs.
type run struct {
	t     *testing.T
	p     *Projector
	store jobview.Store
	stop  func()
}

func newWorld(t *testing.T, place string) *world {
	t.Helper()
	return &world{t: t, conn: bustest.Conn(t), place: place}
}

// start runs another projector until the test ends, or it is stopped.
func (w *world) start(c Config) *run {
	w.t.Helper()
	store, err := jobview.Open(w.place)
	if err != nil {
		w.t.Fatal(err)
	}
	c.Bus, c.Views, c.Log = w.conn, store, bustest.Log(w.t)
	if c.PollEvery == 0 {
		c.PollEvery = 5 * time.Millisecond
	}
	p, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
			w.t.Errorf("Run returned %v", err)
		}
		if err := store.Close(); err != nil {
			w.t.Errorf("close the store: %v", err)
		}
	}()
	w.run = &run{t: w.t, p: p, store: store, stop: func() { cancel(); <-done }}
	w.t.Cleanup(w.run.stop)
	return w.run
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
	rec := events.Record{Type: "job." + string(j.state), Revision: j.revision, Time: time.Now().UTC(), Job: events.Job{
		ID: j.id, Tenant: j.tenant, State: j.state, Labels: j.labels, AcceptedAt: epoch,
		Pipeline: events.PipelineRef{Name: j.pipeline}, Files: []events.Source{{Name: j.id + ".txt"}},
		Steps: map[string]events.Step{"a": {State: events.StepSucceeded}, "b": {State: events.StepQueued}},
	}}
	data, err := json.Marshal(rec)
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.conn.Publish(context.Background(), bus.Out{
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

var epoch = time.Now().UTC().Truncate(time.Second)

// until waits for something to become true.
func (r *run) until(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("not within a minute: %s; %+v", what, r.p.View())
		}
	}
}

// caughtUp waits until the view holds the whole log.
func (r *run) caughtUp() {
	r.t.Helper()
	r.until("caught up", func() bool {
		lag, err := r.p.Lag(context.Background())
		return err == nil && lag == 0
	})
}

func (r *run) list(tenant string, q api.JobQuery) api.JobPage {
	r.t.Helper()
	page, err := r.p.List(context.Background(), tenant, q)
	if err != nil {
		r.t.Fatal(err)
	}
	page.View = nil
	return page
}

// digest is that of the view that serves.
func (r *run) digest() string {
	r.t.Helper()
	r.p.mu.RLock()
	defer r.p.mu.RUnlock()
	d, err := r.p.view.Digest(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return d
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
