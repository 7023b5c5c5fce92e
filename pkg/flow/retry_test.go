package flow_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

func TestClassDecidesWhatAFailureMeans(t *testing.T) {
	t.Parallel()
	const again, free = "again", "free"
	for class, tc := range map[fault.Class]struct {
		first string           // again, free, or the step's state
		last  events.StepState // after the budget
	}{
		fault.Transient:      {again, events.StepFailed},
		fault.Timeout:        {again, events.StepFailed},
		fault.Resource:       {again, events.StepFailed},
		fault.Conflict:       {again, events.StepFailed},
		fault.Cancelled:      {again, events.StepFailed},
		fault.Unclassified:   {again, events.StepAttention},
		"no_such_class":      {again, events.StepAttention},
		"":                   {again, events.StepAttention},
		fault.RateLimited:    {free, ""},
		fault.DependencyDown: {free, ""},
		fault.Auth:           {string(events.StepAttention), ""},
		fault.UnknownEffect:  {string(events.StepAttention), ""},
		fault.Bug:            {string(events.StepAttention), ""},
		fault.DataQuality:    {string(events.StepFailed), ""},
		fault.SchemaMismatch: {string(events.StepFailed), ""},
		fault.Policy:         {string(events.StepFailed), ""},
		fault.Poison:         {string(events.StepFailed), ""},
	} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			w := submit(t, newPlan(flow.Step{ID: "a", Retry: flow.Retry{MaxAttempts: 3}}))
			w.fail("a", class)
			if tc.first != again && tc.first != free {
				w.wantStep("a", events.StepState(tc.first))
				return
			}
			w.wantStep("a", events.StepRetrying)
			w.wantJob(events.JobWaiting)
			for range 5 {
				if w.job.Steps["a"].State != events.StepRetrying {
					break
				}
				w.fire("a")
				w.fail("a", class)
			}
			a := w.job.Steps["a"]
			if tc.first == free {
				if a.State != events.StepRetrying || a.Spent != 0 || a.Attempt != 6 {
					t.Errorf("got %+v, want a sixth attempt with no budget spent", a)
				}
				return
			}
			if a.State != tc.last || a.Spent != 3 || a.Attempt != 3 {
				t.Errorf("got %+v, want %s after 3 attempts", a, tc.last)
			}
		})
	}
}

func TestDrainingWorkerBurnsNoBudget(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a", Retry: flow.Retry{MaxAttempts: 1}}))
	in := failure("a", 1, fault.Transient)
	in.Outcome.Fault.Code = string(fault.StageDraining)
	w.must(in)
	w.wantStep("a", events.StepRetrying)
}

func TestFailureWithoutAFaultIsUnclassified(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}))
	in := failure("a", 1, fault.Transient)
	in.Outcome.Fault = nil
	w.must(in)
	if got := w.job.Steps["a"].Fault; got == nil || got.Code != string(fault.StageUnclassified) {
		t.Errorf("got fault %v", got)
	}
}

func TestDefaultBudgetIsFive(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}))
	for range 4 {
		w.fail("a", fault.Timeout)
		w.wantRecord(flow.TypeJobWaiting, events.KindJob, "a", w.job.Steps["a"].Attempt)
		w.fire("a")
		w.wantRecord(flow.TypeJobRunning, events.KindJob, "a", w.job.Steps["a"].Attempt)
		w.wantDue(work("a", w.job.Steps["a"].Attempt))
	}
	w.fail("a", fault.Timeout)
	w.wantStep("a", events.StepFailed)
}

func TestRetryWhileOtherStepsRun(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}, flow.Step{ID: "b"}, flow.Step{ID: "c"}))
	w.ok("c")
	w.fail("a", fault.Transient)
	w.wantRecord(flow.TypeStepRetryScheduled, events.KindStep, "a", 1)
	at := w.job.Steps["a"].RetryAt
	w.wantDue(events.DueItem{Kind: events.DueTimer, Step: "a", Attempt: 1, At: at})
	w.fire("a")
	w.wantRecord(flow.TypeStepRetried, events.KindStep, "a", 2)
	w.wantDue(work("a", 2))
	if a := w.job.Steps["a"]; !a.RetryAt.IsZero() || a.Fault == nil || a.Spent != 1 {
		t.Errorf("got %+v, want no timer, the last fault, and one try spent", a)
	}
	w.ok("a")
	if a := w.job.Steps["a"]; a.Fault != nil {
		t.Errorf("success keeps fault %v", a.Fault)
	}
}

// delayOf returns the delay after a failed attempt with that entropy.
func delayOf(t *testing.T, r flow.Retry, failures int, entropy uint64, afterMS int64) time.Duration {
	t.Helper()
	r.MaxAttempts = failures + 1
	w := submit(t, newPlan(flow.Step{ID: "a", Retry: r}))
	for n := 1; ; n++ {
		in := failure("a", n, fault.Transient)
		in.Outcome.Fault.RetryAfterMS = afterMS
		if n < failures {
			w.must(in)
			w.fire("a")
			continue
		}
		tr, err := flow.Apply(w.plan, w.job, in, flow.Env{Now: w.now, Entropy: entropy})
		if err != nil {
			t.Fatal(err)
		}
		return tr.Job.Steps["a"].RetryAt.Sub(w.now.Truncate(time.Millisecond))
	}
}

func TestBackoffIsFullJitter(t *testing.T) {
	t.Parallel()
	const samples = 400
	for name, tc := range map[string]struct {
		retry    flow.Retry
		failures int
		ceiling  time.Duration
	}{
		"first":           {flow.Retry{}, 1, time.Second},
		"third":           {flow.Retry{}, 3, 4 * time.Second},
		"capped":          {flow.Retry{}, 12, 5 * time.Minute},
		"own":             {flow.Retry{Initial: 3 * time.Second, Factor: 3, Max: time.Minute}, 2, 9 * time.Second},
		"constant":        {flow.Retry{Initial: 2 * time.Second, Factor: 1}, 9, 2 * time.Second},
		"shrinking is 1":  {flow.Retry{Initial: 2 * time.Second, Factor: 0.5}, 3, 2 * time.Second},
		"initial too big": {flow.Retry{Initial: time.Hour, Max: time.Minute}, 1, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var low, high int
			for i := range samples {
				d := delayOf(t, tc.retry, tc.failures, uint64(i), 0)
				switch {
				case d < 0 || d >= tc.ceiling:
					t.Fatalf("delay %s is not in [0, %s)", d, tc.ceiling)
				case d < tc.ceiling/4:
					low++
				case d >= tc.ceiling*3/4:
					high++
				}
			}
			if low < samples/8 || high < samples/8 {
				t.Errorf("of %d delays %d are in the first quarter and %d in the last", samples, low, high)
			}
		})
	}
}

func TestNamedWaitIsKept(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		afterMS int64
		want    time.Duration
	}{
		{1, time.Millisecond},
		{90_000, 90 * time.Second},
		{flow.MaxRetryAfter.Milliseconds(), flow.MaxRetryAfter},
		{1 << 62, flow.MaxRetryAfter},
	} {
		t.Run(strconv.FormatInt(tc.afterMS, 10), func(t *testing.T) {
			t.Parallel()
			for i := range uint64(50) {
				d := delayOf(t, flow.Retry{}, 1, i, tc.afterMS)
				if d < tc.want || d > tc.want+tc.want/10 {
					t.Fatalf("delay %s is not within a tenth above %s", d, tc.want)
				}
			}
		})
	}
}

func TestTimerOfAnotherAttemptIsStale(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}))
	w.stale(timer("a", 1, false))
	w.fail("a", fault.Transient)
	w.stale(timer("a", 2, false))
	w.stale(timer("a", 1, true))
	w.stale(timer("zz", 1, false))
	foreign := timer("a", 1, false)
	foreign.Timer.Job = "other"
	w.stale(foreign)
	w.fire("a")
	w.stale(timer("a", 1, false))
}

func TestBackoffCountsFailuresOfTheBudgetOrElseAttempts(t *testing.T) {
	t.Parallel()
	// With the largest random number the delay is just below the longest.
	longest := func(w *world, class fault.Class) time.Duration {
		var most time.Duration
		for i := range uint64(300) {
			in := failure("a", w.job.Steps["a"].Attempt, class)
			tr, err := flow.Apply(w.plan, w.job, in, flow.Env{Now: w.now, Entropy: i})
			if err != nil {
				t.Fatal(err)
			}
			most = max(most, tr.Job.Steps["a"].RetryAt.Sub(w.now))
		}
		return most
	}
	w := submit(t, newPlan(flow.Step{ID: "a"}))
	for range 4 {
		w.fail("a", fault.DependencyDown)
		w.fire("a")
	}
	if got := longest(w, fault.DependencyDown); got < 12*time.Second || got >= 16*time.Second {
		t.Errorf("the fifth free failure waits up to %s, want almost 16s", got)
	}
	if got := longest(w, fault.Transient); got < 700*time.Millisecond || got >= time.Second {
		t.Errorf("the first failure of the budget waits up to %s, want almost 1s", got)
	}
}

func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, chain("a"))
	w.now = w.now.In(time.FixedZone("", 3600))
	w.must(submission(w.plan))
	if got := asJSON(t, w.job.AcceptedAt); got != `"2026-11-20T10:00:00.001Z"` {
		t.Errorf("accepted at %s", got)
	}
}
