package stagehost

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/stage"
)

// fake is a stage that does what a test says.
type fake struct {
	run  func(ctx context.Context, t *stage.Task) (stage.Result, error)
	undo func(ctx context.Context, t *stage.Task, done stage.Result) error
	runs atomic.Int32
	// little makes it a stage that writes little, and has no scratch.
	little bool
}

func (f *fake) Spec() stage.Spec {
	return stage.Spec{
		Name: "fake", Version: 1, Logic: "1", Summary: "Does what a test says.", Guarantee: "None.",
		Inputs: "Any.", Outputs: "Any.", Slots: 4, Scratch: !f.little, WritesLittle: f.little,
	}
}

func (f *fake) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	f.runs.Add(1)
	return f.run(ctx, t)
}

func (f *fake) Compensate(ctx context.Context, t *stage.Task, done stage.Result) error {
	return f.undo(ctx, t, done)
}

// world is a host with one stage, and the broker it works for.
type world struct {
	t        *testing.T
	conn     *bus.Conn
	host     *Host
	stage    *fake
	outcomes chan events.AttemptOutcome
	stop     func()
}

func newWorld(t *testing.T, f *fake, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, conn: bustest.Conn(t), stage: f, outcomes: make(chan events.AttemptOutcome, 100)}
	if err := w.conn.ProvisionStage(t.Context(), "fake", bus.StageConsumer{AckWait: time.Second}); err != nil {
		t.Fatal(err)
	}
	set, err := stage.NewSet(f)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Broker: w.conn, Store: artifact.New(memstore.New(), nil), Stages: set, Drain: -1, Grace: 200 * time.Millisecond, Scratch: t.TempDir()}
	if change != nil {
		change(&c)
	}
	if w.host, err = New(c); err != nil {
		t.Fatal(err)
	}
	stopSub, err := w.conn.Subscribe(events.AllOutcomes, func(m *bus.Message) {
		var o events.AttemptOutcome
		if json.Unmarshal(m.Data, &o) == nil {
			w.outcomes <- o
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopSub)
	w.start()
	return w
}

// start runs the host until the test, or stop, ends it.
func (w *world) start() {
	w.t.Helper()
	r, err := bus.NewRouter(w.conn, bus.RouterOptions{Log: bustest.Log(w.t)})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.host.Register(r); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	watching, done := make(chan struct{}), make(chan struct{})
	var parts sync.WaitGroup
	parts.Go(func() { _ = w.host.Watch(ctx, watching) })
	<-watching
	parts.Go(func() { _ = r.Run(ctx) })
	<-r.Running()
	go func() {
		parts.Wait()
		close(done)
	}()
	w.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	w.t.Cleanup(w.stop)
}

// give records a job that waits for one attempt, and puts that into the queue.
func (w *world) give(task events.Task) events.Task {
	w.t.Helper()
	task.Job, task.Tenant, task.Step = "job", events.DefaultTenant, "s"
	if task.Stage == "" {
		task.Stage = "fake@1"
	}
	task.Attempt = max(task.Attempt, 1)
	st := events.Step{State: events.StepQueued, Stage: task.Stage, Attempt: task.Attempt}
	subject, id := events.WorkSubject("fake", task.Tenant, task.Job, task.Step), events.WorkID(task.Tenant, task.Job, task.Step, task.Attempt, 0)
	if task.Undo {
		st = events.Step{State: events.StepSucceeded, Undo: &events.StepUndo{State: events.UndoQueued, Attempt: task.Attempt}}
		subject, id = events.UndoSubject("fake", task.Tenant, task.Job, task.Step), events.UndoID(task.Tenant, task.Job, task.Step, task.Attempt, 0)
	}
	w.record(events.JobRunning, st)
	w.put(subject, id, task)
	return task
}

// record writes the job's newest record.
func (w *world) record(state events.JobState, st events.Step) {
	w.t.Helper()
	w.put(events.EventSubject(events.DefaultTenant, "p", "job", events.KindJob), time.Now().String(), events.Record{
		Type: "test", Job: events.Job{ID: "job", Tenant: events.DefaultTenant, State: state, Steps: map[string]events.Step{"s": st}},
	})
}

func (w *world) put(subject, id string, body any) {
	w.t.Helper()
	if err := w.conn.Publish(w.t.Context(), bus.Out{Subject: subject, ID: id, Data: mustJSON(w.t, body)}); err != nil {
		w.t.Fatal(err)
	}
}

func mustJSON(t *testing.T, body any) []byte {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// answer waits for the next outcome.
func (w *world) answer() events.AttemptOutcome {
	w.t.Helper()
	select {
	case o := <-w.outcomes:
		return o
	case <-time.After(time.Minute):
		w.t.Fatal("no answer")
	}
	return events.AttemptOutcome{}
}

// wantFault wants an answer that failed with a code.
func (w *world) wantFault(code string) {
	w.t.Helper()
	o := w.answer()
	if o.Verdict != events.VerdictFailed || o.Fault == nil || o.Fault.Code != code || o.Fault.Hint == "" {
		w.t.Errorf("answer %+v with %+v, want %s", o, o.Fault, code)
	}
}

// quiet waits until the queue is empty: everything is acknowledged.
func (w *world) quiet() {
	w.t.Helper()
	for range 1000 {
		if n, err := w.conn.Depth(w.t.Context(), events.StreamQueue); err == nil && n == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Error("the queue is not empty")
}
