package operator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/jobview"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
	"github.com/millrace/millrace/services/operator"
	"github.com/millrace/millrace/services/projector"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The embedded broker keeps one for good.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stats).track"),
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
	)
}

// server is the fragile thing that the jobs of the tests call.
type server struct {
	spec stage.Spec
	// mode is what it does with a call.
	mode atomic.Int32
	// limit is how many calls it bears at once; one more and it is down.
	limit atomic.Int32
	hold  time.Duration

	now, most, calls atomic.Int32
	mu               sync.Mutex
	undone           map[string]int
}

// Modes of a server.
const (
	works int32 = iota
	denies
	down
	hangs
	ponders // until it is told otherwise, and does that then
)

const serverName = "http:fragile.example.com"

func newServer() *server {
	s := &server{
		spec: stage.Spec{
			Name: "fragile", Version: 1, Logic: "1", Summary: "Calls a fragile server.",
			Guarantee: "A crash may repeat a call.", Inputs: "Any files.", Outputs: "The same files.",
			Faults: []string{string(fault.FetchDenied), string(fault.HttpcallUnavailable)},
		},
		hold:   10 * time.Millisecond,
		undone: make(map[string]int),
	}
	s.limit.Store(1 << 30)
	return s
}

// Spec describes the stage.
func (s *server) Spec() stage.Spec { return s.spec }

// Run is one call.
func (s *server) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	s.calls.Add(1)
	for s.mode.Load() == ponders {
		select {
		case <-time.After(s.hold):
		case <-ctx.Done():
			return stage.Result{}, context.Cause(ctx)
		}
	}
	if s.mode.Load() == denies {
		return stage.Result{}, fault.New(fault.FetchDenied, "", nil)
	}
	n := s.now.Add(1)
	defer s.now.Add(-1)
	for old := s.most.Load(); n > old && !s.most.CompareAndSwap(old, n); old = s.most.Load() {
	}
	if n > s.limit.Load() {
		s.mode.Store(down)
	}
	if s.mode.Load() == down {
		return stage.Result{}, &fault.Error{Code: fault.HttpcallUnavailable, Dependency: serverName}
	}
	wait := time.After(s.hold)
	if s.mode.Load() == hangs {
		wait = nil
	}
	select {
	case <-wait:
	case <-ctx.Done():
		return stage.Result{}, context.Cause(ctx)
	}
	return stage.Result{Files: t.Files}, nil
}

// Compensate takes a call back.
func (s *server) Compensate(_ context.Context, t *stage.Task, _ stage.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undone[t.Job]++
	return nil
}

const pipelineFile = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata: { name: call }
spec:
  steps:
    - id: call
      uses: fragile@1
      retry: { initial: 20ms, max: 50ms }
`

// world is a mill without a gateway, a list of its jobs, and its fragile server.
type world struct {
	t      *testing.T
	mill   *mill.Mill
	conn   *bus.Conn
	jobs   *projector.Projector
	server *server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, server: newServer()}
	m, err := mill.New(mill.Config{
		DataDir: t.TempDir(), Durability: mill.DurabilityRelaxed, DiskReserve: -1, Slots: 64,
		Roles: []string{mill.RoleConductor, "stage:fragile"}, ExtraStages: []stage.Stage{w.server},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.mill = m
	background(t, "mill", m.Run)
	select {
	case <-m.Ready():
	case <-time.After(time.Minute):
		t.Fatal("the mill is not ready")
	}
	w.apply(pipelineFile)
	if w.conn, err = m.Connect(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conn.Close() })
	views, err := jobview.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = views.Close() })
	if w.jobs, err = projector.New(projector.Config{Bus: w.conn, Views: views}); err != nil {
		t.Fatal(err)
	}
	background(t, "projector", w.jobs.Run)
	<-w.jobs.Synced()
	return w
}

// apply makes a pipeline file the current version.
func (w *world) apply(src string) {
	w.t.Helper()
	if _, _, err := w.mill.Pipelines().Apply(w.t.Context(), events.DefaultTenant, []byte(src)); err != nil {
		w.t.Fatal(err)
	}
}

// background runs something until the test ends, or the function it returns is called.
func background(t *testing.T, what string, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// everything is a store that has all there is.
type everything struct{}

// Stat says that a content is there.
func (everything) Stat(context.Context, string) (int64, error) { return 1, nil }

// quick are settings with which a test does not take long.
func quick() operator.Config {
	return operator.Config{
		Lease: 600 * time.Millisecond, Look: 10 * time.Millisecond, Ramp: 50 * time.Millisecond,
		Settle: 10 * time.Second, Patience: 10 * time.Second,
	}
}

// operator returns an operator that does not run.
func (w *world) operator(c operator.Config) *operator.Operator {
	w.t.Helper()
	c.Artifacts = everything{}
	c.Bus, c.Jobs, c.Pipelines, c.Log = w.conn, w.jobs, w.mill.Pipelines(), bustest.Log(w.t)
	o, err := operator.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// running returns an operator that runs until stop is called.
func (w *world) running(c operator.Config) (o *operator.Operator, stop func()) {
	w.t.Helper()
	o = w.operator(c)
	return o, background(w.t, "operator", o.Run)
}

// submit hands n jobs in, whose keys begin with a word, and waits until all are as
// wanted.
func (w *world) submit(word string, n int, state events.JobState) []string {
	w.t.Helper()
	before := w.count(state)
	var outs []bus.Out
	var ids []string
	for i := range n {
		key := fmt.Sprintf("%s-%d", word, i)
		data, err := json.Marshal(events.Submission{
			Key: key, Files: []events.Source{{Name: "a.txt", Inline: []byte("hello")}},
			Labels: map[string]string{"word": word},
		})
		if err != nil {
			w.t.Fatal(err)
		}
		outs = append(outs, bus.Out{
			Subject: events.SubmitSubject(events.DefaultTenant, "call"), ID: key, Data: data,
		})
		ids = append(ids, events.JobID(events.DefaultTenant, key))
	}
	if err := w.conn.Publish(w.t.Context(), outs...); err != nil {
		w.t.Fatal(err)
	}
	w.eventually(fmt.Sprintf("%d more jobs are %s", n, state), func() bool { return w.count(state) == before+n })
	return ids
}

func (w *world) count(state events.JobState) int {
	c, err := w.jobs.Counts(w.t.Context(), events.DefaultTenant, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return int(c.States[string(state)])
}

// start accepts an operation.
func (w *world) start(o *operator.Operator, r api.OperationRequest) api.Operation {
	w.t.Helper()
	if r.Reason == "" {
		r.Reason = "the server is mended"
	}
	op, again, err := o.Start(w.t.Context(), events.DefaultTenant, r, "ann", "")
	if err != nil || again {
		w.t.Fatalf("start: %v %v", again, err)
	}
	return op
}

// await waits until an operation is as wanted.
func (w *world) await(o *operator.Operator, id string, what string, want func(api.Operation) bool) api.Operation {
	w.t.Helper()
	var op api.Operation
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("%s: %+v", what, op)
		}
	})
	w.eventually(what, func() bool {
		var err error
		if op, err = o.Get(w.t.Context(), events.DefaultTenant, id); err != nil {
			w.t.Fatal(err)
		}
		return want(op)
	})
	return op
}

func (w *world) done(o *operator.Operator, id string) api.Operation {
	w.t.Helper()
	return w.await(o, id, "the operation is done", is(api.OperationDone))
}

func is(s api.OperationState) func(api.Operation) bool {
	return func(op api.Operation) bool { return op.State == s }
}

// commands counts the commands of an operation in the records of jobs, by job.
func (w *world) commands(id string) map[string]int {
	w.t.Helper()
	counts := map[string]int{}
	err := w.conn.Scan(w.t.Context(), bus.Scan{Stream: events.StreamEvents}, func(m *bus.Message) error {
		var rec events.Record
		if err := json.Unmarshal(m.Data, &rec); err != nil {
			return err
		}
		if c := rec.Input.Control; c != nil && c.By == "operation/"+id {
			counts[rec.Job.ID]++
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return counts
}

// items returns all items of an operation in a state.
func (w *world) items(o *operator.Operator, id string, state api.ItemState) []api.OperationItem {
	w.t.Helper()
	var all []api.OperationItem
	q := api.ItemQuery{State: state, Limit: 100}
	for {
		page, err := o.Items(w.t.Context(), events.DefaultTenant, id, q)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			return all
		}
		q.Cursor = page.NextCursor
	}
}

// fewer is n, or a third of it when tests are to be short: each job takes the race
// detector long, and some tens meet all there is to meet.
func fewer(n int) int {
	if testing.Short() {
		return n / 3
	}
	return n
}

// eventually waits for as long as only a broken test takes.
func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			w.t.Fatalf("not in time: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// attention is the filter of most tests.
var attention = api.OperationFilter{States: []events.JobState{events.JobAttention}}
