package stagehost

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/deploy/freeport"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/registry"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/conductor"
)

const callPipeline = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: call
spec:
  steps:
    - id: call
      uses: fake@1
      retry: {maxAttempts: 2}
`

// there is a service that can go away, come back at the same address, and take
// connections without ever answering.
type there struct {
	addr string
	mute atomic.Bool
	ln   net.Listener
	all  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func (s *there) come(t *testing.T) {
	t.Helper()
	var err error
	if s.addr == "" {
		if s.addr, err = freeport.Address(); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.ln, s.conns = ln, map[net.Conn]bool{}
	s.all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
			s.all.Go(func() { s.serve(c) })
		}
	})
}

func (s *there) serve(c net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		_ = c.Close()
	}()
	if s.mute.Load() {
		_, _ = io.Copy(io.Discard, c)
		return
	}
	_, _ = c.Write([]byte{1})
}

func (s *there) leave() {
	_ = s.ln.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
}

// worker is a host in a fleet, and what was seen of it.
type worker struct {
	host     *Host
	breakers *breaker.Registry
	// entered counts tasks that came, and calls those that came through to the
	// dependency; probing and probes count calls while it was half open, at once
	// and at most.
	entered, calls, probing, probes atomic.Int32
	hung                            atomic.Int32
}

// call is what the stage does: it asks the service for one byte.
func (w *worker) call(ctx context.Context, addr string) error {
	w.entered.Add(1)
	return w.breakers.Do(ctx, need, func(ctx context.Context) error {
		w.calls.Add(1)
		if w.breakers.Room(need).State == breaker.HalfOpen {
			n := w.probing.Add(1)
			defer w.probing.Add(-1)
			for most := w.probes.Load(); n > most && !w.probes.CompareAndSwap(most, n); most = w.probes.Load() {
			}
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return fault.New(fault.FetchUnreachable, "", err)
		}
		defer func() { _ = c.Close() }()
		defer context.AfterFunc(ctx, func() { _ = c.Close() })()
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			if ctx.Err() != nil {
				w.hung.Add(1)
				return &fault.Error{Code: fault.FetchUnreachable, Err: context.Cause(ctx)}
			}
			return fault.New(fault.FetchUnreachable, "", err)
		}
		return nil
	})
}

// fleet is some workers, a conductor and a broker.
type fleet struct {
	t       *testing.T
	there   *there
	conn    *bus.Conn
	workers []*worker
	given   int
}

func newFleet(t *testing.T, n int, o breaker.Options) *fleet {
	t.Helper()
	s := bustest.Server(t, bustest.ServerOptions{})
	f := &fleet{t: t, there: &there{}, conn: bustest.Connect(t, s)}
	if err := f.conn.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	if err := f.conn.ProvisionStage(t.Context(), "fake", bus.StageConsumer{AckWait: 5 * time.Second}); err != nil {
		t.Fatal(err)
	}
	f.there.come(t)
	t.Cleanup(f.there.leave)
	f.conduct()
	for range n {
		f.hire(s, o)
	}
	return f
}

// run runs parts until the test ends.
func (f *fleet) run(ready <-chan struct{}, parts ...func(context.Context) error) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, part := range parts {
		all.Go(func() {
			if err := part(ctx); err != nil && !errors.Is(err, context.Canceled) {
				f.t.Error(err)
			}
		})
	}
	<-ready
	f.t.Cleanup(func() {
		cancel()
		all.Wait()
	})
}

func (f *fleet) conduct() {
	f.t.Helper()
	kv, err := f.conn.KV(f.t.Context(), events.BucketPipelines)
	if err != nil {
		f.t.Fatal(err)
	}
	reg := registry.New(kv, []pipeline.Stage{{Name: "fake", Version: 1}})
	if _, _, err := reg.Apply(f.t.Context(), events.DefaultTenant, []byte(callPipeline)); err != nil {
		f.t.Fatal(err)
	}
	c, err := conductor.New(conductor.Config{Broker: f.conn, Pipelines: reg, Store: artifact.New(memstore.New(), nil)})
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := bus.NewRouter(f.conn, bus.RouterOptions{Log: bustest.Log(f.t)})
	if err != nil {
		f.t.Fatal(err)
	}
	if err := c.Register(r); err != nil {
		f.t.Fatal(err)
	}
	f.run(r.Running(), r.Run)
}

// hire starts another worker with a connection and breakers of its own.
func (f *fleet) hire(s *server.Server, o breaker.Options) {
	f.t.Helper()
	w := &worker{breakers: breaker.New(o)}
	conn := bustest.Connect(f.t, s)
	kv, err := conn.KV(f.t.Context(), events.BucketBreakers)
	if err != nil {
		f.t.Fatal(err)
	}
	set, err := stage.NewSet(&needing{needs: []string{need}, fake: fake{
		run: func(ctx context.Context, _ *stage.Task) (stage.Result, error) {
			return stage.Result{}, w.call(ctx, f.there.addr)
		},
	}})
	if err != nil {
		f.t.Fatal(err)
	}
	w.host, err = New(Config{
		Broker: conn, Store: artifact.New(memstore.New(), nil), Stages: set, Scratch: f.t.TempDir(),
		Breakers: w.breakers, Shared: kv, Worker: "worker-" + strconv.Itoa(len(f.workers)),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := bus.NewRouter(conn, bus.RouterOptions{Log: bustest.Log(f.t)})
	if err != nil {
		f.t.Fatal(err)
	}
	if err := w.host.Register(r); err != nil {
		f.t.Fatal(err)
	}
	watching := make(chan struct{})
	f.run(watching, func(ctx context.Context) error { return w.host.Watch(ctx, watching) })
	f.run(r.Running(), r.Run, w.host.ShareBreakers)
	f.workers = append(f.workers, w)
}

// give submits n jobs.
func (f *fleet) give(n int) {
	f.t.Helper()
	var outs []bus.Out
	for range n {
		f.given++
		key := strconv.Itoa(f.given)
		outs = append(outs, bus.Out{
			Subject: events.SubmitSubject(events.DefaultTenant, "call"), ID: key,
			Data: mustJSON(f.t, events.Submission{Key: key, Files: []events.Source{{Name: "a", Inline: []byte("x")}}}),
		})
	}
	if err := f.conn.Publish(f.t.Context(), outs...); err != nil {
		f.t.Fatal(err)
	}
}

// done waits until all jobs have ended, and returns how they did.
func (f *fleet) done() (jobs []events.Job) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	enough := errors.New("all have ended")
	err := f.conn.Scan(ctx, bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.AllEvents}, Follow: true,
	}, func(m *bus.Message) error {
		var r events.Record
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return err
		}
		if r.Job.State == events.JobCompleted {
			jobs = append(jobs, r.Job)
		}
		if len(jobs) == f.given {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		f.t.Fatalf("%d of %d jobs are done: %v", len(jobs), f.given, err)
	}
	return jobs
}
