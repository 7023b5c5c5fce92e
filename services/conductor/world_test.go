package conductor

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/registry"
)

const twoSteps = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: two
spec:
  steps:
    - id: first
      uses: work@1
    - id: second
      uses: work@1
`

// world is a broker with a registry and a store, and the means to run
// conductors against it. There are no stages: the test answers for them.
type world struct {
	t     *testing.T
	conn  *bus.Conn
	reg   *registry.Registry
	store *artifact.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	conn := bustest.Conn(t)
	kv, err := conn.KV(t.Context(), events.BucketPipelines)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, conn: conn, store: artifact.New(memstore.New(), nil)}
	w.reg = registry.New(kv, []pipeline.Stage{
		{Name: "work", Version: 1, Compensable: true}, {Name: "fetch", Version: 1, Fetches: true},
	})
	if _, _, err := w.reg.Apply(t.Context(), events.DefaultTenant, []byte(twoSteps)); err != nil {
		t.Fatal(err)
	}
	return w
}

// conductor runs one over a broker, until stop is called or the test ends.
func (w *world) conductor(b Broker, mw ...bus.Middleware) (c *Conductor, stop func()) {
	w.t.Helper()
	return w.run(Config{Broker: b, Middleware: mw})
}

// run is conductor with more to say.
func (w *world) run(cfg Config) (c *Conductor, stop func()) {
	w.t.Helper()
	cfg.Pipelines, cfg.Store, cfg.InFlight = w.reg, w.store, 8
	c, err := New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := bus.NewRouter(w.conn, bus.RouterOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.Register(r); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	<-r.Running()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	w.t.Cleanup(stop)
	return c, stop
}

// submit hands in a job and does not wait for an answer.
func (w *world) submit(key string) {
	w.t.Helper()
	w.publish(events.SubmitSubject(events.DefaultTenant, "two"), key, events.Submission{
		Key: key, Files: []events.Source{{Name: "a.txt", Inline: []byte("hello")}},
	})
}

// answer answers for a stage.
func (w *world) answer(key, step string, attempt int, f *events.Fault) {
	w.t.Helper()
	job := events.JobID(events.DefaultTenant, key)
	o := events.AttemptOutcome{
		Job: job, Tenant: events.DefaultTenant, Step: step, Stage: "work@1", Attempt: attempt,
		Verdict: events.VerdictSucceeded, Fault: f, StartedAt: now(), EndedAt: now(),
	}
	if f != nil {
		o.Verdict = events.VerdictFailed
	}
	w.publish(events.OutcomeSubject("work", events.DefaultTenant, job, step),
		events.OutcomeID(events.DefaultTenant, job, step, false, attempt, o.Verdict), o)
}

func (w *world) command(key string, verb events.Verb) {
	w.t.Helper()
	job := events.JobID(events.DefaultTenant, key)
	w.publish(events.ControlSubject(events.DefaultTenant, job), key+string(verb), events.Command{Verb: verb})
}

func (w *world) publish(subject, id string, body any) {
	w.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.conn.Publish(w.t.Context(), bus.Out{Subject: subject, ID: id, Data: data}); err != nil {
		w.t.Fatal(err)
	}
}

// history is every record of a job.
func (w *world) history(key string) []events.Record {
	w.t.Helper()
	var out []events.Record
	filter := events.HistoryFilter(events.DefaultTenant, events.JobID(events.DefaultTenant, key))
	err := w.conn.Scan(w.t.Context(), bus.Scan{Stream: events.StreamEvents, Filters: []string{filter}}, func(m *bus.Message) error {
		var r events.Record
		defer func() { out = append(out, r) }()
		return json.Unmarshal(m.Data, &r)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for i, r := range out {
		if r.Revision != uint64(i+1) {
			w.t.Fatalf("record %d of %s has revision %d", i+1, key, r.Revision)
		}
	}
	return out
}

// await returns the job when it has that many records.
func (w *world) await(key string, revision int) events.Job {
	w.t.Helper()
	job := events.JobID(events.DefaultTenant, key)
	var last string
	for range 1000 {
		m, err := w.conn.Last(w.t.Context(), events.StreamEvents, events.HistoryFilter(events.DefaultTenant, job))
		if err == nil {
			var r events.Record
			if err := json.Unmarshal(m.Data, &r); err != nil {
				w.t.Fatal(err)
			}
			if int(r.Revision) >= revision {
				return r.Job
			}
			last = string(m.Data)
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("job %s does not reach revision %d; it is at %s", key, revision, last)
	return events.Job{}
}

// awaitQueued waits for a step's message in the queue.
func (w *world) awaitQueued(filter string) {
	w.t.Helper()
	for range 1000 {
		if w.queued(filter) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("nothing in the queue under %s", filter)
}

func (w *world) queued(filter string) bool {
	w.t.Helper()
	_, err := w.conn.Last(w.t.Context(), events.StreamQueue, filter)
	if err != nil && !fault.Has(err, fault.BusNotFound) {
		w.t.Fatal(err)
	}
	return err == nil
}

// errKilled is what a killed process would never see.
var errKilled = errors.New("killed")

// dying is a broker connection that is cut at one place, for good: what a killed
// process has done is done, and nothing more.
type dying struct {
	Broker
	at   string
	dead atomic.Bool
}

func (d *dying) reached(place string) bool {
	if d.at == place {
		d.dead.Store(true)
	}
	return d.dead.Load()
}

func (d *dying) Commit(ctx context.Context, o bus.Out) (uint64, error) {
	if d.reached("before commit") {
		return 0, errKilled
	}
	seq, err := d.Broker.Commit(ctx, o)
	if d.reached("after commit") {
		return 0, errKilled
	}
	return seq, err
}

func (d *dying) Publish(ctx context.Context, outs ...bus.Out) error {
	if d.dead.Load() {
		return errKilled
	}
	err := d.Broker.Publish(ctx, outs...)
	if d.reached("after due") {
		return errKilled
	}
	return err
}

func (d *dying) Last(ctx context.Context, stream, filter string) (*bus.Message, error) {
	if d.dead.Load() {
		return nil, errKilled
	}
	return d.Broker.Last(ctx, stream, filter)
}
