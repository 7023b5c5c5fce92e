package stagehost

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// until ends with its context, as a stage should.
func until(started chan<- struct{}) func(context.Context, *stage.Task) (stage.Result, error) {
	return func(ctx context.Context, _ *stage.Task) (stage.Result, error) {
		started <- struct{}{}
		<-ctx.Done()
		return stage.Result{}, context.Cause(ctx)
	}
}

func TestRunAnswers(t *testing.T) {
	t.Parallel()
	file := events.File{Name: "a", Digest: "sha256:" + strings.Repeat("a", 64), Size: 1}
	var scratch string
	f := &fake{run: func(_ context.Context, task *stage.Task) (stage.Result, error) {
		scratch = task.Scratch
		if err := os.WriteFile(filepath.Join(scratch, "x"), nil, 0o600); err != nil {
			return stage.Result{}, err
		}
		task.Progress(1, 2, "pages")
		return stage.Result{Files: task.Files, Findings: map[string]string{"k": "v"}}, nil
	}}
	w := newWorld(t, f, nil)
	w.give(events.Task{Files: []events.File{file}})
	o := w.answer()
	if o.Verdict != events.VerdictSucceeded || o.Logic != "1" || o.Attempt != 1 || o.Worker == "" ||
		!cmp.Equal(o.Files, []events.File{file}) || o.Findings["k"] != "v" || o.EndedAt.Before(o.StartedAt) {
		t.Errorf("answer %+v", o)
	}
	w.quiet()
	if _, err := os.Stat(scratch); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the scratch folder is still there: %v", err)
	}
	if _, err := w.conn.Last(t.Context(), events.StreamProgress, events.AllProgress); err != nil {
		t.Errorf("no progress: %v", err)
	}
}

func TestFailuresAreAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		run  func(context.Context, *stage.Task) (stage.Result, error)
		task events.Task
		code fault.Code
	}{
		"fault": {func(context.Context, *stage.Task) (stage.Result, error) {
			return stage.Result{}, fault.New(fault.FetchNotFound, "x", nil)
		}, events.Task{}, fault.FetchNotFound},
		"plain error": {func(context.Context, *stage.Task) (stage.Result, error) {
			return stage.Result{}, errors.New("oh")
		}, events.Task{}, fault.StageUnclassified},
		"panic": {func(context.Context, *stage.Task) (stage.Result, error) { panic("oh") }, events.Task{}, fault.StagePanic},
		"bad result": {func(context.Context, *stage.Task) (stage.Result, error) {
			return stage.Result{Findings: map[string]string{"k": strings.Repeat("v", 5000)}}, nil
		}, events.Task{}, fault.StageBadResult},
		"result that no conductor takes": {func(context.Context, *stage.Task) (stage.Result, error) {
			return stage.Result{Findings: map[string]string{"k\n": "v"}}, nil
		}, events.Task{}, fault.StageBadResult},
		"timeout": {func(ctx context.Context, _ *stage.Task) (stage.Result, error) {
			<-ctx.Done()
			return stage.Result{}, ctx.Err()
		}, events.Task{TimeoutMS: 30}, fault.StageTimeout},
		"unknown version": {nil, events.Task{Stage: "fake@9"}, fault.StageUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, &fake{run: test.run}, nil)
			w.give(test.task)
			w.wantFault(string(test.code))
			w.quiet()
		})
	}
}

// TestStageThatDoesNotStop answers for a stage that ignores the end of its time,
// and keeps its slot until it returns.
func TestStageThatDoesNotStop(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := newWorld(t, &fake{run: func(context.Context, *stage.Task) (stage.Result, error) {
		<-release
		return stage.Result{}, nil
	}}, nil)
	w.give(events.Task{TimeoutMS: 20})
	w.wantFault("stage.timeout")
	close(release)
	w.quiet()
}

func TestCancelReachesARunningStage(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 1)
	w := newWorld(t, &fake{run: until(started)}, nil)
	w.give(events.Task{})
	<-started
	if err := w.conn.Send(events.CancelledSubject(events.DefaultTenant, "job"), nil, nil); err != nil {
		t.Fatal(err)
	}
	w.wantFault("job.cancelled")
	// What is queued of the same job is answered without being run.
	w.give(events.Task{Attempt: 2})
	w.wantFault("job.cancelled")
	if n := w.stage.runs.Load(); n != 1 {
		t.Errorf("the stage ran %d times", n)
	}
}

// TestStaleTasksAreDropped hands out tasks that the job's record no longer
// expects, as a broker does that has lost acknowledgements.
func TestStaleTasksAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &fake{run: func(context.Context, *stage.Task) (stage.Result, error) { return stage.Result{}, nil }}, nil)
	w.host.mu.Lock()
	w.host.watching = w.host.watching.AddDate(1, 0, 0) // every task may be old
	w.host.mu.Unlock()
	w.record(events.JobCompleted, events.Step{State: events.StepSucceeded, Attempt: 1})
	task := events.Task{Job: "job", Tenant: events.DefaultTenant, Step: "s", Stage: "fake@1", Attempt: 1}
	w.put(events.WorkSubject("fake", task.Tenant, task.Job, task.Step), "old", task)
	w.quiet()
	if n := w.stage.runs.Load(); n != 0 || len(w.outcomes) != 0 {
		t.Errorf("the stage ran %d times, %d answers", n, len(w.outcomes))
	}
	w.give(events.Task{Attempt: 2})
	if o := w.answer(); o.Attempt != 2 || o.Verdict != events.VerdictSucceeded {
		t.Errorf("answer %+v", o)
	}
}

// TestStopHandsOver stops a host in the middle of a task and wants the next one
// to be given it.
func TestStopHandsOver(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 10)
	w := newWorld(t, &fake{run: until(started)}, nil)
	w.give(events.Task{})
	<-started
	w.stop()
	if len(w.outcomes) != 0 {
		t.Errorf("an interrupted attempt was answered: %+v", <-w.outcomes)
	}
	w.start()
	<-started
	w.stop()
}

func TestUndo(t *testing.T) {
	t.Parallel()
	var got stage.Result
	w := newWorld(t, &fake{undo: func(_ context.Context, _ *stage.Task, done stage.Result) error {
		got = done
		return nil
	}}, nil)
	w.give(events.Task{Undo: true, Done: &events.Result{Findings: map[string]string{"path": "p"}}})
	o := w.answer()
	if !o.Undo || o.Verdict != events.VerdictSucceeded || got.Findings["path"] != "p" {
		t.Errorf("answer %+v, undone %+v", o, got)
	}
	w.quiet()
}

// TestChaos repeats and breaks the handler at random; every task is answered all
// the same.
func TestChaos(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &fake{run: func(context.Context, *stage.Task) (stage.Result, error) { return stage.Result{}, nil }},
		func(c *Config) {
			c.Middleware = []bus.Middleware{bustest.RandomFail(0.2), bustest.RandomPanic(0.1), bustest.Duplicator()}
		})
	for attempt := 1; attempt <= 20; attempt++ {
		w.give(events.Task{Attempt: attempt})
		for w.answer().Attempt < attempt {
		}
	}
	w.quiet()
}
