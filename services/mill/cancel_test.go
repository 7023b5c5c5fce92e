package mill_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
)

// endless is a stage that works until it is told to stop. It says when it has begun,
// and why it was stopped.
type endless struct {
	begun chan struct{}
	ended chan error
}

func newEndless() *endless {
	return &endless{begun: make(chan struct{}, 1), ended: make(chan error, 1)}
}

func (*endless) Spec() stage.Spec {
	return stage.Spec{
		Name: "endless", Version: 1, Logic: "1", Summary: "Works.", Guarantee: "None.", Inputs: "Any.", Outputs: "None.",
		Timeout: time.Hour,
	}
}

func (e *endless) Run(ctx context.Context, _ *stage.Task) (stage.Result, error) {
	e.begun <- struct{}{}
	<-ctx.Done()
	e.ended <- context.Cause(ctx)
	return stage.Result{}, context.Cause(ctx)
}

// TestCancelStopsAndTakesBack: a job is cancelled in the middle of a step that would go
// on for an hour. The step is told to stop, what was published before is taken back,
// and the job is cancelled, with nothing of it left on the way.
func TestCancelStopsAndTakesBack(t *testing.T) {
	t.Parallel()
	long := newEndless()
	w := newWorld(t, func(c *mill.Config) {
		c.PublishDir, c.ExtraStages = t.TempDir(), []stage.Stage{long}
	})
	w.apply("long", "    - { id: ship, uses: publish@1 }\n    - { id: work, uses: endless@1 }\n    - { id: after, uses: simulate@1 }\n")
	job := w.accepted("long", inline("long", "parcel"))
	within(t, "the second step begins", long.begun)
	if got := len(filesIn(w.cfg.PublishDir)(t)); got != 1 {
		t.Fatalf("%d files are published before the cancel, want 1", got)
	}
	w.command(job, events.Command{Verb: events.VerbCancel, Reason: "a change of mind"})
	if err := within(t, "the second step is told to stop", long.ended); !fault.Has(err, fault.JobCancelled) {
		t.Errorf("it was told to stop with %v", err)
	}
	j := w.final(job)
	if j.State != events.JobCancelled || j.Reason != "a change of mind" {
		t.Errorf("the job ended as %s for %q: %+v", j.State, j.Reason, j.Fault)
	}
	states := map[string]events.StepState{}
	for id, s := range j.Steps {
		states[id] = s.State
	}
	if diff := cmp.Diff(map[string]events.StepState{
		"ship": events.StepSucceeded, "work": events.StepCancelled, "after": events.StepCancelled,
	}, states); diff != "" {
		t.Error(diff)
	}
	if u := j.Steps["ship"].Undo; u == nil || u.State != events.UndoDone {
		t.Errorf("the undo of what was published: %+v", u)
	}
	if left := filesIn(w.cfg.PublishDir)(t); len(left) != 0 {
		t.Errorf("still published: %v", left)
	}
	for _, s := range []string{events.StreamQueue, events.StreamOutcomes, events.StreamDead} {
		w.emptied(s)
	}
}

// within waits for a word, and a long while at most.
func within[T any](t *testing.T, what string, words <-chan T) (word T) {
	t.Helper()
	select {
	case word = <-words:
	case <-time.After(time.Minute):
		t.Fatalf("%s: not within a minute", what)
	}
	return word
}
