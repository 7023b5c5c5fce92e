package mill_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
)

// limited are pipelines whose second step keeps one of the limits on time, and what
// the record says of it then.
var limited = map[string]struct {
	step  string
	code  fault.Code
	spent int // failed tries
}{
	"timeout": {`uses: simulate@1, timeout: 300ms, with: { delay: 1h }, retry: { maxAttempts: 2, initial: 1ms }`, fault.StageTimeout, 2},
	"stall":   {`uses: simulate@1, limits: { stall: 300ms }, with: { delay: 1h }, retry: { maxAttempts: 2, initial: 1ms }`, fault.StageStalled, 2},
	// The time of the step is over while an attempt runs, and while it waits for
	// the next one.
	"total-running": {`uses: simulate@1, timeout: 1s, limits: { total: 1s }, with: { delay: 1h }`, fault.StageTotalExceeded, 0},
	"total-waiting": {`uses: simulate@1, timeout: 1s, limits: { total: 1s }, with: { fail: { class: dependency_down, retry_after: 1h } }`, fault.StageTotalExceeded, 0},
}

// TestLimitsOfSteps: each limit on the time of a step ends it with a code of its own,
// and what was done before is taken back.
func TestLimitsOfSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) { c.Slots = 8 })
	jobs := map[string]string{}
	for name, test := range limited {
		w.apply(name, "    - { id: act, uses: simulate-effect@1 }\n    - { id: late, "+test.step+" }\n")
		jobs[name] = w.accepted(name, inline(name, "content"))
	}
	for name, job := range jobs {
		j := w.final(job)
		late, want := j.Steps["late"], limited[name]
		if late.State != events.StepFailed || late.Fault == nil || late.Fault.Code != string(want.code) {
			t.Errorf("%s: the step ended as %s: %+v", name, late.State, late.Fault)
		}
		if want.spent > 0 && (late.Spent != want.spent || late.Attempt != want.spent) {
			t.Errorf("%s: it took %d attempts and spent %d, want %d", name, late.Attempt, late.Spent, want.spent)
		}
		w.wantTakenBack(name, j, want.code)
	}
}

// wantTakenBack checks that a job failed with a code, and that its step act is undone.
func (w *world) wantTakenBack(name string, j events.Job, code fault.Code) {
	w.t.Helper()
	u := j.Steps["act"].Undo
	if j.State != events.JobRolledBack || u == nil || u.State != events.UndoDone {
		w.t.Errorf("%s: the job ended as %s, with the undo %+v", name, j.State, u)
	}
	if j.Fault == nil || j.Fault.Code != string(code) {
		w.t.Errorf("%s: the job ended with %+v, want %s", name, j.Fault, code)
	}
}

// TestLimitOfTheQueue: a step that no worker took in time is not begun any more.
func TestLimitOfTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) { open(c); c.Slots = 1 })
	w.apply("busy", "    - { id: hang, uses: simulate@1, timeout: 1h, with: { hang: true } }\n")
	w.apply("queued", `
    - { id: act, uses: simulate-effect@1 }
    - { id: late, uses: simulate@1, limits: { queue: 500ms }, retry: { maxAttempts: 1 }, with: { verdict: begun } }
`)
	busy := w.accepted("busy", inline("busy", "content"))
	w.taken("simulate")
	job := w.accepted("queued", inline("queued", "content"))
	j := w.await(job, "queued", func(j events.Job) bool { return j.Steps["late"].State == events.StepQueued })
	<-time.After(time.Until(j.Steps["late"].QueuedAt.Add(time.Second)))
	w.command(busy, events.Command{Verb: events.VerbCancel})
	j = w.final(job)
	if late := j.Steps["late"]; late.Fault == nil || late.Fault.Code != string(fault.StageQueuedTooLong) || late.Findings != nil {
		t.Errorf("the step ended as %+v with %+v", late, late.Fault)
	}
	w.wantTakenBack("queue", j, fault.StageQueuedTooLong)
}

// taken waits until a worker has a task of a stage.
func (w *world) taken(stage string) {
	w.t.Helper()
	nc := plain(w.t, w)
	for range 6000 {
		if info := consumer(w.t, nc, events.StageConsumer(stage)); info.NumAckPending > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("nobody takes the task of %s", stage)
}

// waits are pipelines with a limit on all of their time, and what ends them.
var waits = map[string]struct {
	late, deadline string
	code           fault.Code
}{
	"total":            {`limits: { total: 4s }, timeout: 4s, with: { fail: { class: dependency_down, retry_after: 1h } }`, "", fault.StageTotalExceeded},
	"deadline-waiting": {`with: { fail: { class: dependency_down, retry_after: 1h } }`, "  deadline: 6s\n", fault.JobDeadlineExceeded},
	"deadline-running": {`with: { delay: 1h }`, "  deadline: 6s\n", fault.JobDeadlineExceeded},
}

func lateSteps(name string) string {
	return "    - { id: act, uses: simulate-effect@1 }\n    - { id: late, uses: simulate@1, " +
		waits[name].late + " }\n" + waits[name].deadline
}

// TestLimitsOutliveARestart: the time of a step and that of a job run on while the
// mill is away, from when they began, also when the queue is lost with it.
func TestLimitsOutliveARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) { c.Slots, c.Drain, c.Derived = 8, -1, bus.DerivedMemory })
	jobs, before := map[string]string{}, map[string]events.Job{}
	for name := range waits {
		w.apply(name, lateSteps(name))
		jobs[name] = w.accepted(name, inline(name, "content"))
	}
	for name, job := range jobs {
		before[name] = w.await(job, "at its second step", func(j events.Job) bool { return j.Steps["late"].Attempt > 0 })
	}
	w.stop()
	w.start()
	for name, job := range jobs {
		j, was := w.final(job), before[name]
		w.wantTakenBack(name, j, waits[name].code)
		if late := j.Steps["late"]; !late.Until.Equal(was.Steps["late"].Until) || !j.AcceptedAt.Equal(was.AcceptedAt) {
			t.Errorf("%s: the time began again: until %v, was %v", name, late.Until, was.Steps["late"].Until)
		}
		end := was.AcceptedAt.Add(6 * time.Second)
		if name == "total" {
			end = was.Steps["late"].Until
		}
		if j.FinishedAt.Before(end) {
			t.Errorf("%s: ended at %v, which is before %v", name, j.FinishedAt, end)
		}
		if _, err := flow.Replay(planOf(t, pipelineFile(name, lateSteps(name))), w.history(job)); err != nil {
			t.Error(err)
		}
	}
}

// beating is a stage that says something of itself all the time. It gets further
// only when told to, and then ends.
type beating struct {
	name  string
	moves bool
	runs  atomic.Int32
}

func (b *beating) Spec() stage.Spec {
	return stage.Spec{
		Name: b.name, Version: 1, Logic: "1", Summary: "Beats.", Guarantee: "None.", Inputs: "Any.", Outputs: "None.",
	}
}

func (b *beating) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	b.runs.Add(1)
	beat := time.NewTicker(50 * time.Millisecond)
	defer beat.Stop()
	for n := int64(1); !b.moves || n < 100; n++ {
		done := int64(1)
		if b.moves {
			done = n
		}
		t.Progress(done, 0, "beats")
		select {
		case <-ctx.Done():
			return stage.Result{}, context.Cause(ctx)
		case <-beat.C:
		}
	}
	return stage.Result{}, nil
}

// TestHeartbeatsAreNoProgress: a worker that goes on saying to the broker that it is
// at work keeps its task, and an attempt that gets no further is ended all the same.
func TestHeartbeatsAreNoProgress(t *testing.T) {
	t.Parallel()
	still, moving := &beating{name: "still"}, &beating{name: "moving", moves: true}
	w := newWorld(t, func(c *mill.Config) {
		c.AckWait, c.ExtraStages = time.Second, []stage.Stage{still, moving}
	})
	jobs := map[string]string{}
	for _, name := range []string{"still", "moving"} {
		w.apply(name, fmt.Sprintf("    - { id: late, uses: %s@1, limits: { stall: 3s }, retry: { maxAttempts: 1 } }\n", name))
		jobs[name] = w.accepted(name, inline(name, "content"))
	}
	if j := w.final(jobs["still"]); j.State != events.JobFailed || j.Fault.Code != string(fault.StageStalled) || still.runs.Load() != 1 {
		t.Errorf("the one that stands still was run %d times and ended as %s: %+v", still.runs.Load(), j.State, j.Fault)
	}
	if j := w.final(jobs["moving"]); j.State != events.JobCompleted || moving.runs.Load() != 1 {
		t.Errorf("the one that moves was run %d times and ended as %s: %+v", moving.runs.Load(), j.State, j.Fault)
	}
}
