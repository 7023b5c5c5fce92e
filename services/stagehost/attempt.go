package stagehost

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/tracing"
)

// attempt is a task being run.
type attempt struct {
	task    events.Task
	spec    stage.Spec
	started time.Time
	// job is the span of the job, and span that of the attempt.
	job, span tracing.Context
	stop      context.CancelCauseFunc
	chain     *checkpoint.Chain
	meter     meter
	// moved is when the attempt got further last, in nanoseconds after started,
	// and place how far it was at the last place that it offered.
	moved, place atomic.Int64
}

// handle runs one task and publishes its outcome.
func (h *Host) handle(ctx context.Context, m *bus.Message, name string, undo bool) error {
	task, err := h.decode(m, name, undo)
	if err != nil {
		return bus.Reject(fault.BusUndecodable, err)
	}
	started := time.Now()
	switch stale, err := h.stale(ctx, m, task); {
	case err != nil:
		return err
	case stale:
		h.Log.Debug("stale task dropped", "job", task.Job, "step", task.Step, "attempt", task.Attempt)
		return nil
	}
	a := h.attempt(m, task, started)
	if h.isStopped(jobKey{task.Tenant, task.Job}) && !undo {
		return h.answer(ctx, a, stage.Result{}, fault.New(fault.JobCancelled, "", nil))
	}
	s, err := h.Stages.Find(task.Stage)
	if err != nil {
		return h.answer(ctx, a, stage.Result{}, err)
	}
	if err := belated(m, task, started); err != nil {
		return h.answer(ctx, a, stage.Result{}, err)
	}
	if m.Delivered <= 1 {
		h.Meter.Began(&task, started.Sub(m.Time))
	}
	return h.run(ctx, a, s, fresh(m, task))
}

// attempt makes an attempt of a task that has come. Calls to the outside belong to its
// span, or, where nobody keeps spans, to that of the job.
func (h *Host) attempt(m *bus.Message, task events.Task, started time.Time) *attempt {
	job := tracing.Job(task.Tenant, task.Job, m.Header[events.HeaderTraceparent])
	a := &attempt{task: task, started: started, job: job, span: job}
	if h.Tracer != nil {
		a.span = job.Child()
	}
	return a
}

// decode reads a task and holds it against the subject it came on.
func (h *Host) decode(m *bus.Message, name string, undo bool) (events.Task, error) {
	var task events.Task
	if err := json.Unmarshal(m.Data, &task); err != nil {
		return task, err
	}
	word := "work"
	if undo {
		word = "undo"
	}
	t, ok := events.Tokens(m.Subject, word, 4)
	stageName, _, _ := strings.Cut(task.Stage, "@")
	if !ok || t[0] != name || stageName != name || task.Undo != undo ||
		t[1] != task.Tenant || t[2] != task.Job || t[3] != task.Step || task.Attempt < 1 {
		return task, errors.New("payload and subject name different tasks")
	}
	return task, nil
}

// run runs an attempt to its end, or to the end of its time, and answers.
func (h *Host) run(ctx context.Context, a *attempt, s stage.Stage, fresh bool) error {
	spec := s.Spec()
	a.spec = spec
	limit, over := bounds(a.task, spec, a.started)
	a.chain = h.chain(a, fresh)
	actx, stop := context.WithCancelCause(breaker.WithCaller(tracing.With(ctx, a.span), spec.Name))
	a.stop = stop
	defer stop(nil)
	actx, cancel := context.WithTimeoutCause(actx, limit, over)
	defer cancel()
	h.begin(a)
	defer h.end(a)

	var res stage.Result
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		res, err = h.call(actx, s, spec, a, limit)
	}()
	var watch sync.WaitGroup
	watch.Go(func() { a.watchStall(actx, done) })
	defer watch.Wait()
	select {
	case <-done:
	case <-actx.Done():
		if h.overruns(actx, done) && ctx.Err() == nil {
			// The job goes on; the slot stays taken until the stage returns.
			answer := h.answer(ctx, a, stage.Result{}, cause(actx))
			<-done
			return answer
		}
		<-done
	}
	if err != nil && actx.Err() != nil {
		err = cause(actx)
	}
	if err != nil && ctx.Err() != nil {
		return bus.HandOver(err) // the host stops, or the lease is lost: not an answer
	}
	if verdict := notOurs(err); verdict != nil {
		return verdict
	}
	return h.answer(ctx, a, res, err)
}

// overruns reports whether a stage that was told to stop has not returned
// within its grace.
func (h *Host) overruns(ctx context.Context, done <-chan struct{}) bool {
	t := time.NewTimer(h.Grace)
	defer t.Stop()
	select {
	case <-done:
		return false
	case <-t.C:
		h.Log.Error("stage does not stop", "cause", context.Cause(ctx))
		return true
	}
}

// call runs the stage's own code, and turns a panic into a fault.
func (h *Host) call(ctx context.Context, s stage.Stage, spec stage.Spec, a *attempt, limit time.Duration) (res stage.Result, err error) {
	log := h.Log.With("job", a.task.Job, "step", a.task.Step, "attempt", a.task.Attempt)
	defer func() {
		if p := recover(); p != nil {
			log.Error("stage panicked", "panic", p, "stack", string(debug.Stack()))
			err = fault.New(fault.StagePanic, spec.Name, nil)
		}
	}()
	t, clean, err := h.task(a, spec, log, limit)
	if err != nil {
		return res, err
	}
	defer clean()
	defer a.chain.Close()
	if a.task.Undo {
		res, err = h.takeBack(ctx, s, t, a)
	} else {
		res, err = s.Run(ctx, t)
	}
	return res, about(a.chain, err)
}

// task is the attempt as the stage sees it.
func (h *Host) task(a *attempt, spec stage.Spec, log *slog.Logger, limit time.Duration) (*stage.Task, func(), error) {
	e := a.task
	t := &stage.Task{
		Job: e.Job, Tenant: e.Tenant, Pipeline: e.Pipeline.Name, Step: e.Step, Attempt: e.Attempt,
		Deadline: a.started.Add(limit), Files: e.Files, Sources: e.Sources, RawConfig: e.Config,
		Store: h.Store, Log: log, Report: a.report, Checkpoints: a.chain,
	}
	if !spec.Scratch {
		return t, func() {}, nil
	}
	dir, err := os.MkdirTemp(h.Scratch, "attempt-")
	if err != nil {
		return nil, nil, fault.New(fault.ArtifactIO, "make a scratch folder", err)
	}
	t.Scratch = dir
	return t, func() { _ = os.RemoveAll(dir) }, nil
}

// cause is why a context ended, as a fault.
func cause(ctx context.Context) error {
	return fault.From(context.Cause(ctx))
}

// meter is the newest progress of an attempt.
type meter struct {
	done, total atomic.Int64
	unit        atomic.Pointer[string]
	reports     atomic.Int64
}

func (m *meter) report(done, total int64, unit string) {
	m.done.Store(done)
	m.total.Store(total)
	if u := m.unit.Load(); u == nil || *u != unit {
		m.unit.Store(&unit)
	}
	m.reports.Add(1)
}
