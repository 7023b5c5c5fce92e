package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/mill"
)

// mr is Millrace itself: five no-op steps, every role in this process, jobs
// handed in as plain messages.
type mr struct {
	b       *broker // nil when the mill has it embedded
	mill    *mill.Mill
	conn    *bus.Conn
	stop    context.CancelFunc
	ended   chan error
	unwatch func()
	file    events.Source
	handed  uint64
}

func openMill(ctx context.Context, s settings, dir string, done func(int)) (contender, error) {
	c := &mr{ended: make(chan error, 1)}
	cfg := mill.Config{DataDir: dir, Durability: mill.DurabilityRelaxed}
	if s.always {
		cfg.Durability = mill.DurabilityAlways
	}
	cfg.Slots = 64
	if s.tcp {
		var err error
		if c.b, err = openBroker(s, dir+"/broker"); err != nil {
			return nil, err
		}
		cfg.NATSURL = c.b.url
	}
	var err error
	if c.mill, err = mill.New(cfg); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	go func() { c.ended <- c.mill.Run(run) }()
	select {
	case <-c.mill.Ready():
	case err := <-c.ended:
		return nil, err
	}
	if c.conn, err = c.mill.Connect(ctx, "bench"); err != nil {
		return nil, err
	}
	if _, _, err := c.mill.Pipelines().Apply(ctx, events.DefaultTenant, []byte(noopPipeline)); err != nil {
		return nil, err
	}
	if err := c.watch(done); err != nil {
		return nil, err
	}
	return c, c.seed(ctx)
}

// seed hands in one job with its content, so that the others can name it by its
// digest, as they would after an upload.
func (c *mr) seed(ctx context.Context) error {
	if err := c.submit(ctx, "seed", events.Source{Name: "x", Inline: []byte("x")}); err != nil {
		return err
	}
	filter := events.HistoryFilter(events.DefaultTenant, events.JobID(events.DefaultTenant, "seed"))
	for begin := time.Now(); time.Since(begin) < stall; time.Sleep(time.Millisecond) {
		m, err := c.conn.Last(ctx, events.StreamEvents, filter)
		if err != nil {
			continue
		}
		var r events.Record
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return err
		}
		c.file = r.Job.Files[0]
		return nil
	}
	return errors.New("the first job is not accepted")
}

// noopPipeline is five steps that do nothing.
var noopPipeline = func() string {
	text := "apiVersion: millrace.dev/v1\nkind: Pipeline\nmetadata:\n  name: noop\nspec:\n  steps:\n"
	for i := range hops {
		text += fmt.Sprintf("    - id: s%d\n      uses: simulate@1\n", i)
	}
	return text
}()

// maxJobs is how many jobs a run may have.
const maxJobs = 200_000

// watch calls done for every job that reaches a final state.
func (c *mr) watch(done func(int)) error {
	ids := make(map[string]int)
	for n := range maxJobs {
		ids[events.JobID(events.DefaultTenant, strconv.Itoa(n))] = n
	}
	var err error
	c.unwatch, err = c.conn.Subscribe(events.LiveSubject(events.DefaultTenant, "*", events.KindJob), func(m *bus.Message) {
		if !flow.Final(events.JobState(m.Header[events.HeaderState])) {
			return
		}
		if t, ok := events.Tokens(m.Subject, "live", 3); ok {
			done(ids[t[1]])
		}
	})
	return err
}

func (c *mr) start(ctx context.Context, n int) error {
	c.handed++
	return c.submit(ctx, strconv.Itoa(n), c.file)
}

func (c *mr) submit(ctx context.Context, key string, f events.Source) error {
	body, err := json.Marshal(events.Submission{Key: key, Files: []events.Source{f}})
	if err != nil {
		return err
	}
	return c.conn.Publish(ctx, bus.Out{
		Subject: events.SubmitSubject(events.DefaultTenant, "noop"), ID: key, Data: body,
	})
}

// stored counts the records, and the submissions, which were one per job.
func (c *mr) stored(ctx context.Context) (uint64, error) {
	n, err := c.conn.Depth(ctx, events.StreamEvents)
	return n + c.handed, err
}

func (c *mr) close() error {
	c.unwatch()
	err := c.conn.Close()
	c.stop()
	err = errors.Join(err, <-c.ended)
	if c.b != nil {
		err = errors.Join(err, c.b.close())
	}
	return err
}
