package partition_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/deploy/proof/faultproxy"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The embedded broker keeps one for good.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stats).track"),
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
		// toxiproxy (2.12.0) closes the black hole of a link when it is taken out and
		// forgets who writes into it: bytes that were on their way hold both for good.
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*NoopToxic).Pipe"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
	)
}

// ackWait is how long the broker waits for a worker that says nothing.
const ackWait = time.Second

// work is what a worker does with a task.
type work func(ctx context.Context, t *stage.Task) (stage.Result, error)

// probe is a stage that does what a test says.
type probe struct{ work }

func (probe) Spec() stage.Spec {
	return stage.Spec{
		Name: "probe", Version: 1, Logic: "1", Summary: "Does what a test says.", Guarantee: "None.",
		Inputs: "Any.", Outputs: "The same.",
	}
}

func (p probe) Run(ctx context.Context, t *stage.Task) (stage.Result, error) { return p.work(ctx, t) }

// by is the work of a worker that does nothing but say its name.
func by(name string) work {
	return func(_ context.Context, t *stage.Task) (stage.Result, error) { return signed(name, t), nil }
}

func signed(name string, t *stage.Task) stage.Result {
	return stage.Result{Files: t.Files, Findings: map[string]string{"by": name}}
}

const pipelineFile = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata: { name: cut }
spec:
  steps:
    - { id: one, uses: probe@1, retry: { initial: 10ms, max: 50ms } }
    - { id: two, uses: probe@1, retry: { initial: 10ms, max: 50ms } }
`

// world is a broker, and the parts of a mill around it.
type world struct {
	t      *testing.T
	dir    string
	broker string // address
	conn   *bus.Conn
}

// newWorld starts a broker that the pipeline of the tests is known to.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	// A door without an address is none: this one is the broker alone.
	m, _ := w.start(mill.Config{NATSListen: "127.0.0.1:0", Roles: []string{mill.RoleGateway}}, by("nobody"))
	w.broker = strings.TrimPrefix(m.BrokerURL(), "nats://")
	if _, _, err := m.Pipelines().Apply(t.Context(), events.DefaultTenant, []byte(pipelineFile)); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.conn, err = m.Connect(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conn.Close() })
	return w
}

// start starts a part of the mill, which runs until stop or the end of the test. Its
// end must be a good one.
func (w *world) start(c mill.Config, do work) (m *mill.Mill, stop func()) {
	w.t.Helper()
	c.DataDir, c.ArtifactDir = w.t.TempDir(), w.dir
	c.Durability, c.DiskReserve, c.AckWait, c.Drain, c.Slots = mill.DurabilityRelaxed, -1, ackWait, -1, 1
	c.ExtraStages = []stage.Stage{probe{do}}
	if c.Log == nil {
		c.Log = bustest.Log(w.t)
	}
	m, err := mill.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("%v ended with %v", c.Roles, err)
		}
	})
	w.t.Cleanup(stop)
	select {
	case <-m.Ready():
	case err := <-ended:
		ended <- nil
		w.t.Fatal(err)
	}
	return m, stop
}

// link is a way to the broker that can be cut.
func (w *world) link() *faultproxy.Proxy {
	w.t.Helper()
	p, err := faultproxy.New(w.broker)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Close)
	return p
}

func (w *world) cut(p *faultproxy.Proxy) {
	w.t.Helper()
	if err := p.Inject(faultproxy.Fault{Kind: faultproxy.BlackHole}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) heal(p *faultproxy.Proxy) {
	w.t.Helper()
	if err := p.Heal(); err != nil {
		w.t.Fatal(err)
	}
}

// worker starts a worker with one slot that reaches the broker at an address.
func (w *world) worker(addr string, do work) (stop func()) {
	w.t.Helper()
	_, stop = w.start(mill.Config{NATSURL: "nats://" + addr, Roles: []string{"stage:probe"}}, do)
	return stop
}

// conductor starts a conductor that reaches the broker at an address.
func (w *world) conductor(addr string) (stop func()) {
	w.t.Helper()
	_, stop = w.start(mill.Config{NATSURL: "nats://" + addr, Roles: []string{mill.RoleConductor}}, by("nobody"))
	return stop
}

// submit hands in a job and returns its id.
func (w *world) submit(key string) string {
	w.t.Helper()
	w.publish(events.SubmitSubject(events.DefaultTenant, "cut"), key, events.Submission{
		Key: key, Files: []events.Source{{Name: "a.txt", Inline: []byte("a")}},
	})
	return events.JobID(events.DefaultTenant, key)
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

// await waits until a job is in a state, and returns it.
func (w *world) await(job string, want events.JobState) events.Job {
	w.t.Helper()
	var last events.Record
	err := errors.New("not read yet")
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); {
		var m *bus.Message
		m, err = w.conn.Last(w.t.Context(), events.StreamEvents, events.HistoryFilter(events.DefaultTenant, job))
		if err == nil {
			last = events.Record{}
			if err = json.Unmarshal(m.Data, &last); err == nil && last.Job.State == want {
				return last.Job
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("job %s does not get %s: %+v %v", job, want, last.Job, err)
	return events.Job{}
}

// wait waits for a word of a worker.
func wait[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(90 * time.Second):
		t.Fatalf("not in time: %s", what)
	}
	return v
}

// history returns the records of a job, which must be gapless and replay.
func (w *world) history(job string) (records []events.Record) {
	w.t.Helper()
	err := w.conn.Scan(w.t.Context(), bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.HistoryFilter(events.DefaultTenant, job)},
	}, func(m *bus.Message) error {
		var r events.Record
		defer func() { records = append(records, r) }()
		return json.Unmarshal(m.Data, &r)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := pipeline.Compile([]byte(pipelineFile), append(mill.Catalog(), pipeline.Stage{Name: "probe", Version: 1}))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := flow.Replay(d.Plan, records); err != nil {
		w.t.Error(err)
	}
	return records
}

// answers lists the outcomes that counted, as "step attempt verdict by".
func (w *world) answers(job string) (list []string) {
	w.t.Helper()
	for _, r := range w.history(job) {
		if o := r.Input.Outcome; o != nil && o.Verdict != events.VerdictResumed {
			list = append(list, fmt.Sprintf("%s %d %s %s", o.Step, o.Attempt, o.Verdict, o.Findings["by"]))
		}
	}
	return list
}

// empty wants nothing left in the streams of work.
func (w *world) empty() {
	w.t.Helper()
	for _, s := range []string{events.StreamQueue, events.StreamOutcomes, events.StreamControl, events.StreamDead} {
		var n uint64
		var err error
		for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if n, err = w.conn.Depth(w.t.Context(), s); err == nil && n == 0 {
				break
			}
		}
		if n != 0 || err != nil {
			w.t.Errorf("%d messages are left in %s (%v)", n, s, err)
		}
	}
}

// answered waits until an answer lies in the broker that nobody has applied.
func (w *world) answered(subject string) {
	w.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := w.conn.Last(w.t.Context(), events.StreamOutcomes, subject)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatal(err)
		}
	}
}
