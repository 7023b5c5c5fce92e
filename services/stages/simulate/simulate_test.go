package simulate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/simulate"
)

var inputs = []stagetest.Content{{Name: "a.txt", Data: []byte("abc")}, {Name: "b", Size: 1 << 20}}

func cases() []stagetest.Case {
	return []stagetest.Case{
		{Name: "nothing", Files: inputs, Check: func(t *testing.T, task *stage.Task, r stage.Result) {
			if diff := cmp.Diff(stage.Result{Files: task.Files}, r); diff != "" {
				t.Error(diff)
			}
		}},
		{Name: "no files"},
		{Name: "emit", Files: inputs, Config: `{"emit":[{"name":"x","bytes":"3MiB","seed":7},
			{"name":"y","media_type":"text/plain"}],"verdict":"fine","delay":"1ms"}`, Check: checkEmit},
		{Name: "fail", Config: `{"fail":{"class":"data_quality"}}`, Fault: fault.SimulateFailed},
		{
			Name: "fail with a code", Config: `{"fail":{"code":"simulate.failed","class":"bug","times":9}}`,
			Fault: fault.SimulateFailed,
		},
		{Name: "panic", Config: `{"panic":true}`, Fault: fault.StagePanic},
	}
}

func checkEmit(t *testing.T, task *stage.Task, r stage.Result) {
	var names []string
	for _, f := range r.Files {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"a.txt", "b", "x", "y"}, names); diff != "" {
		t.Error(diff)
	}
	if r.Files[2].Size != 3<<20 || r.Files[3].MediaType != "text/plain" || r.Findings["verdict"] != "fine" {
		t.Errorf("got %+v", r)
	}
	if data := stagetest.Read(t, task, r.Files[2]); bytes.Equal(data[:1<<20], data[1<<20:2<<20]) {
		t.Error("the made-up content repeats itself")
	}
}

var badConfigs = []string{
	`{"delay":5}`, `{"fail":{}}`, `{"fail":{"class":"silly"}}`, `{"fail":{"code":"no.such"}}`,
	`{"fail":{"class":"bug","times":-1}}`, `{"emit":[{"bytes":5}]}`, `{"emit":[{"name":"../x"}]}`,
	`{"emit":[{"name":"x","size":1}]}`,
}

func TestSimulate(t *testing.T) {
	stagetest.Test(t, stagetest.Kit{
		Stage: simulate.New(), Cases: cases(), BadConfigs: append(badConfigs, `{"undo":{}}`),
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Config: `{"emit":[{"name":"x","bytes":"128MiB"}]}`}
		},
	})
}

func TestSimulateEffect(t *testing.T) {
	withUndo := stagetest.Case{Name: "undo", Files: inputs, Config: `{"undo":{"delay":"1ms"}}`}
	stagetest.Test(t, stagetest.Kit{
		Stage: simulate.NewEffect(), Cases: append(cases(), withUndo),
		BadConfigs: append(badConfigs, `{"undo":{"fail":{}}}`),
		Effects:    func(t *testing.T) map[string]string { return nil },
	})
}

func TestFailTimes(t *testing.T) {
	t.Parallel()
	s := simulate.New()
	task := stagetest.NewTask(t, stagetest.Case{
		Config: `{"fail":{"class":"rate_limited","times":2,"retry_after":"7s","message":"slow down"}}`,
	})
	for task.Attempt = 1; task.Attempt <= 4; task.Attempt++ {
		_, err := s.Run(t.Context(), task)
		if task.Attempt > 2 {
			if err != nil {
				t.Errorf("attempt %d: %v", task.Attempt, err)
			}
			continue
		}
		var f *fault.Error
		if !errors.As(err, &f) || f.Class() != fault.RateLimited || f.RetryAfter != 7*time.Second ||
			f.Detail != "slow down" {
			t.Errorf("attempt %d: %+v", task.Attempt, err)
		}
	}
}

func TestUndoFailTimes(t *testing.T) {
	t.Parallel()
	s := simulate.NewEffect().(stage.Compensator)
	task := stagetest.NewTask(t, stagetest.Case{Config: `{"undo":{"fail":{"code":"publish.io","times":1}}}`})
	if err := s.Compensate(t.Context(), task, stage.Result{}); !fault.Has(err, fault.PublishIO) {
		t.Errorf("attempt 1: %v", err)
	}
	task.Attempt = 2
	if err := s.Compensate(t.Context(), task, stage.Result{}); err != nil {
		t.Errorf("attempt 2: %v", err)
	}
}

func TestHang(t *testing.T) {
	t.Parallel()
	task := stagetest.NewTask(t, stagetest.Case{Config: `{"hang":true}`})
	ctx, stop := context.WithCancelCause(t.Context())
	why := fault.New(fault.StageTimeout, "", nil)
	time.AfterFunc(10*time.Millisecond, func() { stop(why) })
	if _, err := simulate.New().Run(ctx, task); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestIgnoreCancel(t *testing.T) {
	t.Parallel()
	task := stagetest.NewTask(t, stagetest.Case{Config: `{"delay":"50ms","ignore_cancel":true}`})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := simulate.New().Run(ctx, task); err != nil {
		t.Errorf("got %v", err)
	}
}

// A step that does nothing is what the mill's own cost is measured with, so it
// must have none.
func TestNothingAllocatesNothing(t *testing.T) {
	s, task := simulate.New(), &stage.Task{Files: []events.File{{Name: "a"}}}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = s.Run(ctx, task) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNotCompensable(t *testing.T) {
	t.Parallel()
	if _, ok := simulate.New().(stage.Compensator); ok {
		t.Error("simulate has an undo")
	}
	if !json.Valid(simulate.NewEffect().Spec().Config) {
		t.Error("schema is not JSON")
	}
}
