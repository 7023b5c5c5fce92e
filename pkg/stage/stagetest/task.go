package stagetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// NewTask returns the first attempt at a task, with a store in memory that holds
// the files of c, a scratch folder, a log that goes to the test's, and a place for
// checkpoints and effects. It is for one run; see [NewJob] for several.
func NewTask(t testing.TB, c Case) *stage.Task {
	t.Helper()
	return NewJob(t, c).Attempt()
}

// Job is a step of a job as its attempts see it one after the other: they share a
// store and the records of checkpoints and effects. It is used by one goroutine.
type Job struct {
	t     testing.TB
	store *artifact.Store
	log   checkpoint.Log
	// task and chain are what all attempts get.
	task  stage.Task
	chain checkpoint.Options
	// attempts were made, by so many processes: where redelivered is true, the
	// next process is given the attempt of the one before.
	attempts, processes int
	redelivered         bool
}

// NewJob returns a job whose step has the files of c to work on, in a store in
// memory.
func NewJob(t testing.TB, c Case) *Job {
	t.Helper()
	s := artifact.New(memstore.New(), nil)
	t.Cleanup(func() { _ = s.Close() })
	return newJob(t, c, s, token("job-of-"+c.Name))
}

// newJob puts the files of c into a store that is the caller's.
func newJob(t testing.TB, c Case, s *artifact.Store, id string) *Job {
	t.Helper()
	files := make([]events.File, 0, len(c.Files))
	for _, f := range c.Files {
		files = append(files, f.put(t, s))
	}
	j := jobWith(t, c, files, id)
	j.store, j.log = s, checkpoint.NewMemory()
	return j
}

// jobWith returns a job without a store.
func jobWith(t testing.TB, c Case, files []events.File, id string) *Job {
	return &Job{t: t, task: stage.Task{
		Job: id, Tenant: events.DefaultTenant, Pipeline: "test", Step: "step",
		Files: files, Sources: c.Sources, RawConfig: json.RawMessage(c.Config),
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}}
}

// of says which stage the job is for.
func (j *Job) of(spec stage.Spec) *Job {
	j.chain.Stage, j.chain.Logic = spec.Ref(), spec.Logic
	return j
}

// Attempt returns the next attempt, which resumes where the one before has saved
// its place last. Its checkpoints are closed at the end of the test.
func (j *Job) Attempt() *stage.Task {
	j.t.Helper()
	task := j.next(j.store, j.log)
	j.t.Cleanup(func() { _ = task.Checkpoints.Close() })
	return task
}

// Undo returns the task of an undo, before which the checkpoints were closed, as a
// worker does: an attempt that comes later is refused.
func (j *Job) Undo() *stage.Task {
	j.t.Helper()
	j.chain.Undo = true
	defer func() { j.chain.Undo = false }()
	task := j.Attempt()
	if _, err := task.Checkpoints.Bury(j.t.Context()); err != nil {
		j.t.Fatal(err)
	}
	return task
}

// next is an attempt on a store and a log of its own.
func (j *Job) next(store *artifact.Store, log checkpoint.Log) *stage.Task {
	if j.processes++; j.processes == 1 || !j.redelivered {
		j.attempts++
	}
	task := j.task
	task.Files = append([]events.File(nil), j.task.Files...)
	task.Attempt, task.Deadline = j.attempts, time.Now().Add(time.Minute)
	task.Scratch, task.Store = j.t.TempDir(), store
	o := j.chain
	o.Log, o.Store, o.Slog = log, store, slog.New(slog.DiscardHandler)
	o.Key = j.key()
	o.Attempt, o.Worker, o.Fresh = j.attempts, fmt.Sprint("worker-", j.processes), j.processes == 1
	o.Inputs = inputsOf(&task)
	if o.Stage == "" {
		o.Stage = "test@1"
	}
	task.Checkpoints = checkpoint.New(o)
	return &task
}

// key names the records of the step's checkpoints.
func (j *Job) key() checkpoint.Key {
	return checkpoint.Key{Tenant: j.task.Tenant, Job: j.task.Job, Step: j.task.Step}
}

// inputsOf is the digest of everything that a task is given, made as a worker does.
func inputsOf(task *stage.Task) string {
	h := sha256.New()
	_ = json.NewEncoder(h).Encode([]any{task.Files, task.Sources, string(task.RawConfig)}) // cannot fail
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// token makes a name that may be a token of a subject.
func token(s string) string {
	clean := strings.Map(func(r rune) rune {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return '-'
		}
		return r
	}, strings.ToLower(s))
	return clean[:min(len(clean), 64)]
}

// run calls Run the way a worker does: a panic is a fault.
func (k *Kit) run(ctx context.Context, task *stage.Task) (r stage.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = stage.Result{}, fault.New(fault.StagePanic, fmt.Sprint(p), nil)
		}
	}()
	return k.Stage.Run(ctx, task)
}
