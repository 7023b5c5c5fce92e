package publishs3

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/deploy/s3test"
	"github.com/millrace/millrace/deploy/s3test/server"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

// world is a server and the records of one job, which processes come and go in.
type world struct {
	*testing.T
	server   *server.Server
	task     *stage.Task
	log      *checkpoint.Memory
	attempts int
}

const (
	inMill       = `{"bucket":"mill"}`
	sharedNever  = `{"bucket":"mill","prefix":"d"}`
	sharedAlways = `{"bucket":"mill","prefix":"d","overwrite":"always"}`
)

// newWorld has a job on a server that may serve others too.
func newWorld(t *testing.T, s *server.Server, job, config string, files ...stagetest.Content) *world {
	t.Helper()
	task := stagetest.NewTask(t, stagetest.Case{Files: files, Config: config})
	task.Job = job
	return &world{T: t, server: s, task: task, log: checkpoint.NewMemory()}
}

// other is another job with the same files.
func (w *world) other(job string) *world {
	task := *w.task
	task.Job = job
	return &world{T: w.T, server: w.server, task: &task, log: checkpoint.NewMemory()}
}

// process is one process that works on the job, behind a proxy of its own.
type process struct {
	*world
	stage *publisher
	proxy *server.Proxy
	task  *stage.Task
	ctx   context.Context // of the attempt
	end   context.CancelCauseFunc
	dead  atomic.Bool
}

// process returns the next one.
func (w *world) process(undo bool) *process {
	w.Helper()
	w.attempts++
	p := &process{world: w, proxy: s3test.StartProxy(w.T, w.server.URL)}
	p.stage = stageAt(w.T, w.server, p.proxy.URL)
	task := *w.task
	task.Attempt = w.attempts
	task.Checkpoints = checkpoint.New(checkpoint.Options{
		Log: &mortalLog{w.log, &p.dead}, Store: task.Store, Stage: "publish-s3@1", Logic: "1", Attempt: w.attempts,
		Key:  checkpoint.Key{Tenant: task.Tenant, Job: task.Job, Step: task.Step},
		Undo: undo, Fresh: w.attempts == 1, Inputs: "all",
	})
	w.Cleanup(func() { _ = task.Checkpoints.Close() })
	p.task = &task
	p.ctx, p.end = context.WithCancelCause(w.Context())
	w.Cleanup(func() { p.end(nil) })
	return p
}

// dies makes the process die at its n-th request, before or after the server has
// carried it out.
func (p *process) dies(n int, after bool) *process {
	p.proxy.Decide(func(r server.Request) server.Verdict {
		if r.N != n {
			return server.Verdict{}
		}
		p.dead.Store(true)
		p.end(errDied)
		return server.Verdict{Cut: true, Pass: after, Dead: true}
	})
	return p
}

var errDied = errors.New("the process was killed")

func (p *process) run() (stage.Result, error) { return p.stage.Run(p.ctx, p.task) }

func (p *process) mustRun() stage.Result {
	p.Helper()
	r, err := p.run()
	if err != nil {
		p.Fatal(err)
	}
	return r
}

// run is a process that succeeds.
func (w *world) run() stage.Result {
	w.Helper()
	return w.process(false).mustRun()
}

// undo is a process that takes the step back.
func (w *world) undo(r stage.Result) error {
	p := w.process(true)
	return p.stage.Compensate(p.ctx, p.task, r)
}

// fails runs a process that is to fail; no code stands for any failure.
func (p *process) fails(want fault.Code) *fault.Error {
	p.Helper()
	_, err := p.run()
	if err == nil || want != "" && !fault.Has(err, want) {
		p.Fatalf("got %v, want %s", err, want)
	}
	return fault.From(err)
}

// published is what the bucket holds when the job is done, under its prefix.
func (w *world) published(prefix string) map[string]string {
	want := map[string]string{}
	for _, f := range w.task.Files {
		want[prefix+"/"+f.Name] = f.Digest
	}
	return want
}

// sees checks what is in the bucket, whoever put it there.
func (w *world) sees(when string, want map[string]string) {
	w.Helper()
	if diff := cmp.Diff(want, s3test.Objects(w.T, w.server)); diff != "" {
		w.Errorf("%s: %s", when, diff)
	}
}

// mortalLog is a log as a process sees it that may die.
type mortalLog struct {
	checkpoint.Log
	dead *atomic.Bool
}

func (l *mortalLog) Append(ctx context.Context, k checkpoint.Key, after uint64, data []byte) (uint64, error) {
	if l.dead.Load() {
		return 0, errDied
	}
	return l.Log.Append(ctx, k, after, data)
}

func (l *mortalLog) Last(ctx context.Context, k checkpoint.Key) (checkpoint.Entry, error) {
	if l.dead.Load() {
		return checkpoint.Entry{}, errDied
	}
	return l.Log.Last(ctx, k)
}

func (l *mortalLog) Kept(ctx context.Context, k checkpoint.Key) ([]checkpoint.Entry, error) {
	if l.dead.Load() {
		return nil, errDied
	}
	return l.Log.Kept(ctx, k)
}

// digest is that of a text, as the bucket shows it.
func digest(content string) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))
}

// cancelled makes the log say that the job was cancelled.
func (w *world) cancelled() {
	k := checkpoint.Key{Tenant: w.task.Tenant, Job: w.task.Job, Step: w.task.Step}
	w.log.Put(k, checkpoint.Closing(k, "publish-s3@1", 1, time.Now()))
}

// writeFile writes a file as it was last changed at a time.
func writeFile(t *testing.T, path, content string, changed time.Time) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, changed, changed); err != nil {
		t.Fatal(err)
	}
}
