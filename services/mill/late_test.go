package mill_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/deploy/s3test"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/stagehost"
	"github.com/millrace/millrace/services/stages/command"
	"github.com/millrace/millrace/services/stages/httpcall"
	"github.com/millrace/millrace/services/stages/publish"
	"github.com/millrace/millrace/services/stages/publishs3"
)

// outside is a stage with an undo, and the part of the world that it changes.
type outside struct {
	stage  stage.Stage
	config string
	now    func(*testing.T) map[string]string
}

// outsiders are the stages whose effects outlive a job.
var outsiders = map[string]func(*testing.T) outside{
	"publish": func(t *testing.T) outside {
		dir := t.TempDir()
		return outside{publish.New(publish.Options{Dir: dir}), `{"dir":"out"}`, filesIn(dir)}
	},
	"publish-s3": func(t *testing.T) outside {
		s := s3test.Start(t)
		e := publishs3.Endpoint{URL: s.URL, PathStyle: true, AccessKey: s.AccessKey, SecretKey: s.SecretKey}
		p := publishs3.New(publishs3.Options{Endpoints: map[string]publishs3.Endpoint{"default": e}})
		return outside{p, `{"bucket":"mill"}`, func(t *testing.T) map[string]string { return s3test.Objects(t, s) }}
	},
	"http-call": func(t *testing.T) outside {
		s := newOrders(t)
		config := `{"url":"` + s.URL + `/{id}","method":"PUT","verify":{"idempotent":true},"undo":{"method":"DELETE","url":"` + s.URL + `/{id}"}}`
		return outside{httpcall.New(httpcall.Options{AllowPrivateNetworks: true}), config, s.now}
	},
	"command": func(t *testing.T) outside {
		dir := t.TempDir()
		config := `{"run":["sh","-c","cat >` + dir + `/$MILLRACE_KEY; echo done"],"undo":{"run":["sh","-c","rm -f ` + dir + `/$MILLRACE_KEY"]}}`
		return outside{command.New(command.Options{Allow: []string{"sh"}}), config, filesIn(dir)}
	},
}

func filesIn(dir string) func(*testing.T) map[string]string {
	return func(t *testing.T) map[string]string {
		t.Helper()
		found := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			found[strings.TrimPrefix(path, dir)] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
}

// orders is a service that takes orders and takes them back.
type orders struct {
	*httptest.Server
	mu    sync.Mutex
	taken map[string]string
}

func newOrders(t *testing.T) *orders {
	o := &orders{taken: map[string]string{}}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if r.Method == http.MethodDelete {
			delete(o.taken, r.URL.Path)
			return
		}
		o.taken[r.URL.Path] = r.Method
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *orders) now(*testing.T) map[string]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.taken)
}

// late is one step of one job on a real broker: attempts and undos of several
// workers come to it in any order.
type late struct {
	*testing.T
	outside
	conn     *bus.Conn
	store    *artifact.Store
	file     events.File
	before   map[string]string
	outcomes chan events.AttemptOutcome
}

func newLate(t *testing.T, o outside) *late {
	t.Helper()
	l := &late{T: t, outside: o, conn: bustest.Conn(t), store: artifact.New(memstore.New(), nil), outcomes: make(chan events.AttemptOutcome, 10)}
	var err error
	if l.file, err = l.store.Put(t.Context(), strings.NewReader("content"), &artifact.PutOptions{Name: "a.txt"}); err != nil {
		t.Fatal(err)
	}
	stop, err := l.conn.Subscribe(events.AllOutcomes, func(m *bus.Message) {
		var got events.AttemptOutcome
		if json.Unmarshal(m.Data, &got) == nil {
			l.outcomes <- got
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	// The record is one that every worker has read before the job moved on.
	record, err := json.Marshal(events.Record{Type: "test", Job: events.Job{
		ID: "job", Tenant: events.DefaultTenant, State: events.JobRunning, Steps: map[string]events.Step{"s": {
			State: events.StepQueued, Attempt: 1, Undo: &events.StepUndo{State: events.UndoQueued, Attempt: 1},
		}},
	}})
	if err == nil {
		err = l.conn.Publish(t.Context(), bus.Out{
			Subject: events.EventSubject(events.DefaultTenant, "p", "job", events.KindJob), ID: "record", Data: record,
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	l.before = o.now(t)
	return l
}

// deliver gives a task to a worker on its own and returns the worker's answer, or one
// without a verdict when the worker leaves the task to others.
func (l *late) deliver(b stagehost.Broker, task events.Task) events.AttemptOutcome {
	l.Helper()
	spec := l.stage.Spec()
	set, err := stage.NewSet(l.stage)
	if err != nil {
		l.Fatal(err)
	}
	host, err := stagehost.New(stagehost.Config{Broker: b, Store: l.store, Stages: set, Scratch: l.TempDir()})
	if err != nil {
		l.Fatal(err)
	}
	task.Job, task.Tenant, task.Step, task.Stage, task.Attempt = "job", events.DefaultTenant, "s", spec.Ref(), 1
	task.Files, task.Config = []events.File{l.file}, json.RawMessage(l.config)
	durable, subject := events.StageConsumer(spec.Name), events.WorkSubject(spec.Name, task.Tenant, task.Job, task.Step)
	if task.Undo {
		durable, subject = events.UndoConsumer(spec.Name), events.UndoSubject(spec.Name, task.Tenant, task.Job, task.Step)
	}
	data, err := json.Marshal(task)
	if err != nil {
		l.Fatal(err)
	}
	for _, s := range host.Subscriptions() {
		if s.Durable != durable {
			continue
		}
		if err := s.Handle(l.Context(), &bus.Message{Subject: subject, Data: data, Delivered: 1, Time: time.Now()}); err != nil {
			return events.AttemptOutcome{Fault: flow.Recorded(err)}
		}
	}
	for {
		select {
		case o := <-l.outcomes:
			if o.Undo == task.Undo && o.Verdict != events.VerdictResumed {
				return o
			}
		case <-time.After(20 * time.Second):
			l.Fatal("no answer")
		}
	}
}

// undo takes the step back, and wants that to succeed and to leave nothing.
func (l *late) undo() events.AttemptOutcome {
	l.Helper()
	o := l.deliver(l.conn, events.Task{Undo: true})
	if o.Verdict != events.VerdictSucceeded {
		l.Fatalf("the undo fails: %+v", o.Fault)
	}
	l.untouched("after the undo")
	return o
}

func (l *late) untouched(when string) {
	l.Helper()
	if diff := cmp.Diff(l.before, l.now(l.T)); diff != "" {
		l.Errorf("%s the world is not as it was: %s", when, diff)
	}
}

// refused wants an attempt to have come too late.
func (l *late) refused(o events.AttemptOutcome) {
	l.Helper()
	if o.Fault == nil || o.Fault.Code != string(fault.JobCancelled) && o.Fault.Code != string(fault.CheckpointOvertaken) {
		l.Errorf("the late attempt answers %s with %+v", o.Verdict, o.Fault)
	}
	l.untouched("after the late attempt")
}

// stalling is the connection of a worker that stalls when it writes an intent:
// before that, or after.
type stalling struct {
	*bus.Conn
	before    bool
	at, goOn  chan struct{}
	stallOnce sync.Once
}

func (s *stalling) Commit(ctx context.Context, o bus.Out) (uint64, error) {
	if !strings.HasPrefix(o.Subject, "millrace.effect.") {
		return s.Conn.Commit(ctx, o)
	}
	stall := func() {
		s.stallOnce.Do(func() {
			close(s.at)
			<-s.goOn
		})
	}
	if s.before {
		stall()
	}
	defer stall()
	return s.Conn.Commit(ctx, o)
}

// TestUndoOvertakesItsStep lets the undo of a step come before, during and after an
// attempt that is late: delayed on its way, or with a worker that stalls or is cut
// off. Nothing is done that the undo did not take back.
func TestUndoOvertakesItsStep(t *testing.T) {
	for name, begin := range outsiders {
		t.Run(name, func(t *testing.T) {
			t.Run("before it has begun", func(t *testing.T) {
				l := newLate(t, begin(t))
				if o := l.undo(); o.Findings["tombstone"] == "" {
					t.Errorf("the undo of nothing says %v", o.Findings)
				}
				l.refused(l.deliver(l.conn, events.Task{}))
			})
			for when, before := range map[string]bool{"before its intent": true, "after its intent": false} {
				t.Run("stalled "+when, func(t *testing.T) {
					l := newLate(t, begin(t))
					s := &stalling{Conn: l.conn, before: before, at: newSignal(), goOn: newSignal()}
					answer := goAnswer(func() events.AttemptOutcome { return l.deliver(s, events.Task{}) })
					<-s.at
					l.undo()
					close(s.goOn)
					l.refused(<-answer)
				})
			}
			t.Run("delivered again", func(t *testing.T) {
				l := newLate(t, begin(t))
				if o := l.deliver(l.conn, events.Task{}); o.Verdict != events.VerdictSucceeded {
					t.Fatalf("the attempt fails: %+v", o.Fault)
				}
				if cmp.Equal(l.before, l.now(t)) {
					t.Fatal("the step does nothing")
				}
				if o := l.undo(); o.Findings["tombstone"] != "" {
					t.Errorf("the undo of something says %v", o.Findings)
				}
				_ = l.deliver(l.conn, events.Task{Reissue: true}) // may say that it was done
				l.untouched("after a repeated attempt")
				l.undo()
			})
		})
	}
}

func newSignal() chan struct{} { return make(chan struct{}) }

func goAnswer(do func() events.AttemptOutcome) <-chan events.AttemptOutcome {
	c := make(chan events.AttemptOutcome, 1)
	go func() { c <- do() }()
	return c
}
