package mill_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/registry"
	"github.com/millrace/millrace/services/mill"
)

// world is a mill in this process and a connection to its broker.
type world struct {
	t    *testing.T
	cfg  mill.Config
	mill *mill.Mill
	conn *bus.Conn
	stop func()
}

// newWorld starts a mill. change may alter its configuration.
func newWorld(t *testing.T, change func(*mill.Config)) *world {
	t.Helper()
	cfg := mill.Config{DataDir: t.TempDir(), Durability: mill.DurabilityRelaxed, DiskReserve: -1}
	if change != nil {
		change(&cfg)
	}
	w := &world{t: t, cfg: cfg}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start starts the mill, again after a stop.
func (w *world) start() {
	w.t.Helper()
	m, err := mill.New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	select {
	case <-m.Ready():
	case err := <-ended:
		cancel()
		w.t.Fatal(err)
	}
	w.mill = m
	if w.conn, err = m.Connect(ctx, "test"); err != nil {
		w.t.Fatal(err)
	}
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = w.conn.Close()
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the mill ended with %v", err)
		}
	}
}

// apply stores a pipeline made of step lines under "steps:".
func (w *world) apply(name, steps string) {
	w.t.Helper()
	src := []byte(pipelineFile(name, steps))
	if _, _, err := w.mill.Pipelines().Apply(w.t.Context(), events.DefaultTenant, src); err != nil {
		w.t.Fatal(err)
	}
}

// pipelineFile is a pipeline made of the lines under "steps:".
func pipelineFile(name, steps string) string {
	return fmt.Sprintf("apiVersion: millrace.dev/v1\nkind: Pipeline\nmetadata:\n  name: %s\nspec:\n  steps:\n%s", name, strings.TrimLeft(steps, "\n"))
}

// submit hands in a job through the broker and returns the answer.
func (w *world) submit(pipeline string, s events.Submission) (events.Receipt, *events.Problem) {
	w.t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.submitRaw(pipeline, data)
}

func (w *world) submitRaw(pipeline string, data []byte) (events.Receipt, *events.Problem) {
	w.t.Helper()
	inbox := w.conn.NewInbox()
	answers := make(chan *bus.Message, 1)
	stop, err := w.conn.Subscribe(inbox, func(m *bus.Message) { answers <- m })
	if err != nil {
		w.t.Fatal(err)
	}
	defer stop()
	err = w.conn.Publish(w.t.Context(), bus.Out{
		Subject: events.SubmitSubject(events.DefaultTenant, pipeline), ID: inbox, Data: data,
		Header: map[string]string{events.HeaderReplyTo: inbox},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	select {
	case m := <-answers:
		return parseAnswer(w.t, m)
	case <-time.After(30 * time.Second):
		w.t.Fatal("no answer to a submission")
	}
	return events.Receipt{}, nil
}

func parseAnswer(t *testing.T, m *bus.Message) (events.Receipt, *events.Problem) {
	t.Helper()
	if m.Header[events.HeaderContentType] == events.ContentTypeProblem {
		var p events.Problem
		if err := json.Unmarshal(m.Data, &p); err != nil {
			t.Fatal(err)
		}
		return events.Receipt{}, &p
	}
	var r events.Receipt
	if err := json.Unmarshal(m.Data, &r); err != nil {
		t.Fatalf("receipt %q: %v", m.Data, err)
	}
	return r, nil
}

// accepted hands in a job that must be accepted and returns its id.
func (w *world) accepted(pipeline string, s events.Submission) string {
	w.t.Helper()
	r, p := w.submit(pipeline, s)
	if p != nil {
		w.t.Fatalf("refused: %+v", *p)
	}
	return r.Job
}

// last is the newest record of a job.
func (w *world) last(job string) (events.Record, error) {
	m, err := w.conn.Last(w.t.Context(), events.StreamEvents, events.HistoryFilter(events.DefaultTenant, job))
	if err != nil {
		return events.Record{}, err
	}
	var r events.Record
	return r, json.Unmarshal(m.Data, &r)
}

// await waits until a job is as wanted and returns it.
func (w *world) await(job string, what string, want func(events.Job) bool) events.Job {
	w.t.Helper()
	var r events.Record
	var err error
	for range 6000 {
		if r, err = w.last(job); err == nil && want(r.Job) {
			return r.Job
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("job %s does not get %s: %+v %v", job, what, r.Job, err)
	return events.Job{}
}

func (w *world) final(job string) events.Job {
	w.t.Helper()
	return w.await(job, "final", func(j events.Job) bool { return flow.Final(j.State) })
}

// inline is a submission of one small file.
func inline(key, content string) events.Submission {
	return events.Submission{Key: key, Files: []events.Source{{Name: "a.txt", Inline: []byte(content)}}}
}

// registryOf is the pipeline registry of a mill whose broker conn reaches.
func registryOf(t *testing.T, conn *bus.Conn) *registry.Registry {
	t.Helper()
	kv, err := conn.KV(t.Context(), events.BucketPipelines)
	if err != nil {
		t.Fatal(err)
	}
	return registry.New(kv, mill.Catalog())
}

// planOf compiles a pipeline against the built-in stages.
func planOf(t *testing.T, src string) *flow.Plan {
	t.Helper()
	d, err := pipeline.Compile([]byte(src), mill.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	return d.Plan
}
