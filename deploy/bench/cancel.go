package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
)

// cancelPipeline has an effect, and then works for hours.
const cancelPipeline = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: endless
spec:
  steps:
    - id: effect
      uses: simulate-effect@1
    - id: work
      uses: endless@1
`

// endless works until it is told to stop, and says when it began and was stopped.
type endless struct{ begun, stopped chan time.Time }

func (endless) Spec() stage.Spec {
	return stage.Spec{
		Name: "endless", Version: 1, Logic: "1", Summary: "Works until it is told to stop.",
		Guarantee: "None.", Inputs: "Any.", Outputs: "None.", Timeout: time.Hour,
	}
}

// Run waits for the end of ctx.
func (e endless) Run(ctx context.Context, _ *stage.Task) (stage.Result, error) {
	e.begun <- time.Now()
	<-ctx.Done()
	e.stopped <- time.Now()
	return stage.Result{}, context.Cause(ctx)
}

// cancels is a mill with jobs that are cancelled one after the other.
type cancels struct {
	work    endless
	conn    *bus.Conn
	raw     []*nats.Conn // who asks, and who answers
	ended   chan string  // ids of jobs that are cancelled
	trip    []time.Duration
	stopped []time.Duration
	final   []time.Duration
}

// measureCancel prints how long it takes from a cancel until the running stage is
// told to stop, and until the job is cancelled with its effect taken back; beside it
// a request and its answer through the same broker, which is the least that telling
// somebody anything can take.
func measureCancel(ctx context.Context, n int) (err error) {
	dir, err := os.MkdirTemp("", "millrace-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := &cancels{
		work: endless{make(chan time.Time, 1), make(chan time.Time, 1)}, ended: make(chan string, 1),
	}
	m, err := mill.New(mill.Config{DataDir: dir, NATSListen: "127.0.0.1:0", ExtraStages: []stage.Stage{c.work}})
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	var runErr error
	go func() { defer close(ended); runErr = m.Run(run) }()
	defer func() { stop(); <-ended; err = errors.Join(err, runErr) }()
	select {
	case <-m.Ready():
	case <-ended:
		return nil // with the error of the run
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.open(ctx, m); err != nil {
		return err
	}
	for i := range n {
		if err := c.cancel(ctx, "c"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	c.print()
	return nil
}

// open connects to the mill and its broker, and has somebody answer requests.
func (c *cancels) open(ctx context.Context, m *mill.Mill) (err error) {
	if c.conn, err = m.Connect(ctx, "bench"); err != nil {
		return err
	}
	for range 2 {
		nc, err := nats.Connect(m.BrokerURL())
		if err != nil {
			return err
		}
		c.raw = append(c.raw, nc)
	}
	if _, err := c.raw[1].Subscribe("bench.echo", func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil {
		return err
	}
	if err := c.raw[1].Flush(); err != nil {
		return err
	}
	if _, _, err := m.Pipelines().Apply(ctx, events.DefaultTenant, []byte(cancelPipeline)); err != nil {
		return err
	}
	_, err = c.conn.Subscribe(events.LiveSubject(events.DefaultTenant, "*", events.KindJob), func(m *bus.Message) {
		if t, ok := events.Tokens(m.Subject, "live", 3); ok && flow.Final(events.JobState(m.Header[events.HeaderState])) {
			c.ended <- t[1]
		}
	})
	return err
}

func (c *cancels) close() error {
	for _, nc := range c.raw {
		nc.Close()
	}
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// cancel runs one job into its second step, cancels it, and notes what that took.
func (c *cancels) cancel(ctx context.Context, key string) error {
	before := time.Now()
	if _, err := c.raw[0].RequestWithContext(ctx, "bench.echo", nil); err != nil {
		return err
	}
	c.trip = append(c.trip, time.Since(before))
	err := c.conn.Publish(ctx, bus.Out{
		Subject: events.SubmitSubject(events.DefaultTenant, "endless"), ID: key,
		Data: []byte(`{"key":"` + key + `","files":[{"name":"x","inline":"eA=="}]}`),
	})
	if err != nil {
		return err
	}
	if _, err := soon(ctx, c.work.begun, "the step does not begin"); err != nil {
		return err
	}
	job := events.JobID(events.DefaultTenant, key)
	asked := time.Now()
	err = c.conn.Publish(ctx, bus.Out{
		Subject: events.ControlSubject(events.DefaultTenant, job), ID: key + "/cancel", Data: []byte(`{"verb":"cancel"}`),
	})
	if err != nil {
		return err
	}
	at, err := soon(ctx, c.work.stopped, "the stage is not stopped")
	if err != nil {
		return err
	}
	id, err := soon(ctx, c.ended, "the job does not end")
	if err != nil {
		return err
	}
	c.final = append(c.final, time.Since(asked))
	c.stopped = append(c.stopped, at.Sub(asked))
	if id != job {
		return fmt.Errorf("job %s ended, and not %s", id, job)
	}
	return nil
}

// soon waits for a word.
func soon[T any](ctx context.Context, words <-chan T, otherwise string) (word T, err error) {
	select {
	case word = <-words:
		return word, nil
	case <-ctx.Done():
		return word, ctx.Err()
	case <-time.After(stall):
		return word, fmt.Errorf("%s within %s", otherwise, stall)
	}
}

func (c *cancels) print() {
	fmt.Printf("%d jobs, each cancelled in its second step, one after the other; every write synced\n\n", len(c.final))
	fmt.Printf("%-56s %10s %7s %10s %10s\n", "", "p50", "ratio", "p99", "max")
	least := spread(c.trip)
	for _, row := range []struct {
		what string
		took []time.Duration
	}{
		{"a request and its answer through the broker", c.trip},
		{"from the cancel until the stage is told to stop", c.stopped},
		{"from the cancel until the job is cancelled, all undone", c.final},
	} {
		s := spread(row.took)
		fmt.Printf("%-56s %10s %7.1f %10s %10s\n", row.what, s.p50.Round(time.Microsecond),
			float64(s.p50)/float64(least.p50), s.p99.Round(time.Microsecond), s.max.Round(time.Microsecond))
	}
}

type spreading struct{ p50, p99, max time.Duration }

// spread sorts durations and says how far apart they are.
func spread(took []time.Duration) spreading {
	slices.Sort(took)
	return spreading{took[len(took)/2], took[len(took)*99/100], took[len(took)-1]}
}
