package stagehost

import (
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/stage"
)

// TestStall stops attempts that get no further, whatever they report, and no others.
func TestStall(t *testing.T) {
	t.Parallel()
	// beats reports now and then until the attempt is stopped, or n times.
	beats := func(n int, beat func(i int, t *stage.Task) error) func(context.Context, *stage.Task) (stage.Result, error) {
		return func(ctx context.Context, t *stage.Task) (stage.Result, error) {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for i := 1; i <= n; i++ {
				if err := beat(i, t); err != nil {
					return stage.Result{}, err
				}
				select {
				case <-ctx.Done():
					return stage.Result{}, ctx.Err()
				case <-tick.C:
				}
			}
			return stage.Result{}, nil
		}
	}
	const ever = 600
	for name, test := range map[string]struct {
		run   func(context.Context, *stage.Task) (stage.Result, error)
		fault string
	}{
		"nothing":   {beats(ever, func(int, *stage.Task) error { return nil }), "stage.stalled"},
		"the same":  {beats(ever, func(_ int, t *stage.Task) error { t.Progress(7, 9, ""); return nil }), "stage.stalled"},
		"it ceases": {beats(ever, func(i int, t *stage.Task) error { t.Progress(int64(min(i, 5)), 0, ""); return nil }), "stage.stalled"},
		"progress":  {beats(40, func(i int, t *stage.Task) error { t.Progress(int64(i), 0, ""); return nil }), ""},
		"a meter":   {beats(40, func(_ int, t *stage.Task) error { t.Meter(0).Add(1); return nil }), "stage.stalled"},
		"places": {func(ctx context.Context, t *stage.Task) (stage.Result, error) {
			run, err := t.Resume(ctx, 1, &struct{}{})
			if err != nil {
				return stage.Result{}, err
			}
			return beats(40, func(i int, _ *stage.Task) error { return run.Offer(ctx, int64(i), 0) })(ctx, t)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, &fake{run: test.run}, nil)
			w.give(events.Task{StallMS: 1500})
			if test.fault != "" {
				w.wantFault(test.fault)
			} else if o := w.answer(); o.Verdict != events.VerdictSucceeded {
				t.Errorf("answer %+v with %+v", o, o.Fault)
			}
			w.quiet()
		})
	}
}

// TestTasksThatComeTooLate are answered without being run.
func TestTasksThatComeTooLate(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) time.Time { return time.Now().UTC().Add(-d) }
	for name, test := range map[string]struct {
		task  events.Task
		fault string
	}{
		"waited too long":  {events.Task{QueueMS: 60_000, QueuedAt: ago(time.Hour)}, "stage.queued_too_long"},
		"waited in time":   {events.Task{QueueMS: 7_200_000, QueuedAt: ago(time.Hour)}, ""},
		"came to another":  {events.Task{QueueMS: 60_000, QueuedAt: ago(time.Hour), Reissue: true}, ""},
		"step has no time": {events.Task{Until: ago(time.Minute), Limit: events.LimitTotal}, "stage.total_exceeded"},
		"job has no time":  {events.Task{Until: ago(time.Minute), Limit: events.LimitDeadline}, "job.deadline_exceeded"},
		"there is time":    {events.Task{Until: ago(-time.Minute), Limit: events.LimitTotal}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, &fake{run: func(context.Context, *stage.Task) (stage.Result, error) { return stage.Result{}, nil }}, nil)
			w.give(test.task)
			runs := int32(1)
			if test.fault != "" {
				w.wantFault(test.fault)
				runs = 0
			} else if o := w.answer(); o.Verdict != events.VerdictSucceeded {
				t.Errorf("answer %+v with %+v", o, o.Fault)
			}
			if n := w.stage.runs.Load(); n != runs {
				t.Errorf("the stage ran %d times", n)
			}
			w.quiet()
		})
	}
}

// TestAttemptEndsWithTheStep: an attempt that has time for itself is stopped when
// the step has none any more.
func TestAttemptEndsWithTheStep(t *testing.T) {
	t.Parallel()
	for limit, code := range limitCodes {
		started := make(chan struct{}, 1)
		w := newWorld(t, &fake{run: until(started)}, nil)
		w.give(events.Task{TimeoutMS: 3_600_000, Until: time.Now().UTC().Add(2 * time.Second), Limit: limit})
		<-started
		w.wantFault(string(code))
		w.quiet()
	}
}
