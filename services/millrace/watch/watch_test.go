package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.Local)

// at is so many milliseconds after noon.
func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

// record makes the n-th record of a job.
func record(n uint64, ms int, state events.JobState, steps map[string]events.Step) events.Record {
	return events.Record{
		Revision: n, Time: at(ms),
		Job: events.Job{
			ID: "abc", Pipeline: events.PipelineRef{Name: "p"}, State: state, Steps: steps, AcceptedAt: noon,
		},
	}
}

func TestTrackerTellsWhatEachRecordChanged(t *testing.T) {
	t.Parallel()
	fault := &events.Fault{Code: "simulate.failed", Class: "transient", Message: "no\nluck"}
	tracker := New([]string{"fetch", "pack"})
	var got []string
	for _, r := range []events.Record{
		record(1, 0, events.JobAccepted, map[string]events.Step{
			"fetch": {State: events.StepQueued, Attempt: 1}, "pack": {State: events.StepPending},
		}),
		record(2, 5, events.JobRunning, map[string]events.Step{
			"fetch": {State: events.StepSucceeded, Attempt: 1, Files: []events.File{{Name: "a\x1b[2J", Size: 2048}}},
			"pack":  {State: events.StepQueued, Attempt: 1},
		}),
		record(3, 6, events.JobWaiting, map[string]events.Step{
			"fetch": {State: events.StepSucceeded, Attempt: 1},
			"pack":  {State: events.StepRetrying, Attempt: 1, Fault: fault, RetryAt: at(1000)},
		}),
		record(2, 5, events.JobRunning, nil), // old news
		record(4, 1000, events.JobRunning, map[string]events.Step{
			"fetch": {State: events.StepSucceeded, Attempt: 1},
			"pack":  {State: events.StepQueued, Attempt: 2},
		}),
		record(5, 1001, events.JobCompensating, map[string]events.Step{
			"fetch": {State: events.StepSucceeded, Attempt: 1, Undo: &events.StepUndo{State: events.UndoQueued, Attempt: 1}},
			"pack":  {State: events.StepFailed, Attempt: 2, Fault: fault},
		}),
		record(6, 1002, events.JobRolledBack, map[string]events.Step{
			"fetch": {State: events.StepSucceeded, Attempt: 1, Undo: &events.StepUndo{State: events.UndoDone, Attempt: 1}},
			"pack":  {State: events.StepFailed, Attempt: 2, Fault: fault},
		}),
	} {
		got = append(got, tracker.Record(r)...)
	}
	want := []string{
		"12:00:00.000 fetch: started",
		"12:00:00.000 job: accepted",
		`12:00:00.005 fetch: succeeded, a\x1b[2J, 2.0 KiB`,
		"12:00:00.005 pack: started",
		"12:00:00.005 job: running",
		`12:00:00.006 pack: attempt 1 failed, next at 12:00:01.000: no\nluck (simulate.failed)`,
		"12:00:00.006 job: waiting",
		"12:00:01.000 pack: attempt 2",
		"12:00:01.000 job: running",
		"12:00:01.001 fetch: undoing",
		`12:00:01.001 pack: failed: no\nluck (simulate.failed)`,
		"12:00:01.001 job: compensating",
		"12:00:01.002 fetch: undone",
		"12:00:01.002 job: rolled_back",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTrackerTellsWhereAnAttemptGoesOn(t *testing.T) {
	t.Parallel()
	at := func(n uint64, r *events.Resumed) events.Record {
		return record(n, int(n), events.JobRunning, map[string]events.Step{
			"pack": {State: events.StepQueued, Stage: "compress@1", Attempt: 1, Resumed: r},
		})
	}
	tracker := New(nil)
	var got []string
	for _, r := range []events.Record{
		at(1, nil),
		at(2, &events.Resumed{Claim: 7, Checkpoint: 3, Done: 48 << 20, Total: 51 << 20, Percent: 94, Decision: events.DecisionResumed}),
		at(3, &events.Resumed{Claim: 7, Checkpoint: 3, Done: 48 << 20, Total: 51 << 20, Percent: 94, Decision: events.DecisionResumed}),
		at(4, &events.Resumed{Claim: 8, Checkpoint: 2, Done: 32 << 20, Decision: events.DecisionFellBack, Reason: "checkpoint 3 is damaged"}),
		at(5, &events.Resumed{Claim: 9, Decision: events.DecisionRestarted, Reason: "the stage has changed"}),
	} {
		got = append(got, tracker.Record(r)...)
	}
	want := []string{
		"12:00:00.001 pack: started",
		"12:00:00.001 job: running",
		"12:00:00.002 pack: resumed compress at 48.0 MiB (checkpoint 3, 94 % saved)",
		"12:00:00.004 pack: resumed compress at 32.0 MiB (checkpoint 2), fell back: checkpoint 3 is damaged",
		"12:00:00.005 pack: started compress over: the stage has changed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestProgressIsToldInQuarters(t *testing.T) {
	t.Parallel()
	tracker := New(nil)
	tracker.Record(record(1, 0, events.JobRunning, map[string]events.Step{"pack": {State: events.StepQueued, Attempt: 2}}))
	var got []string
	for _, p := range []events.Progress{
		{Step: "pack", Attempt: 1, Done: 90, Total: 100}, // an attempt that is over
		{Step: "pack", Attempt: 2, Done: 10, Total: 100},
		{Step: "pack", Attempt: 2, Done: 30, Total: 100},
		{Step: "pack", Attempt: 2, Done: 40, Total: 100},
		{Step: "pack", Attempt: 2, Done: 60, Total: 100, Unit: "pages"},
		{Step: "pack", Attempt: 2, Done: 100, Total: 100}, // the record tells it
	} {
		p.Time = noon
		if line := tracker.Progress(p); line != "" {
			got = append(got, line)
		}
	}
	want := []string{"12:00:00.000 pack: 30%, 30 B of 100 B", "12:00:00.000 pack: 60%, 60 of 100 pages"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	step := tracker.View().Steps[0]
	if step.Done != 100 || step.Total != 100 {
		t.Errorf("the picture has %d of %d", step.Done, step.Total)
	}
}

func TestPictureShowsEveryStateInOrder(t *testing.T) {
	t.Parallel()
	fault := &events.Fault{Code: "x.y", Message: "broken"}
	tracker := New([]string{"z-first", "busy"})
	steps := map[string]events.Step{
		"z-first": {State: events.StepSucceeded, Attempt: 1, Files: []events.File{{Name: "f", Size: 10}}},
		"busy":    {State: events.StepQueued, Attempt: 2},
		"later":   {State: events.StepPending},
		"again":   {State: events.StepRetrying, Attempt: 1, Fault: fault, RetryAt: at(3000)},
		"skip":    {State: events.StepSkipped, Reason: "when_false"},
		"bad":     {State: events.StepFailed, Attempt: 1, Fault: fault},
		"undo":    {State: events.StepSucceeded, Undo: &events.StepUndo{State: events.UndoQueued}},
	}
	tracker.Record(record(1, 0, events.JobRunning, steps))
	tracker.Progress(events.Progress{Step: "busy", Attempt: 2, Done: 1, Total: 2})
	got := tracker.View().Lines(Look{Width: 80, Now: at(1500)})
	want := []string{
		"job abc  p  running  1.50 s",
		"  ✓ z-first  f, 10 B  0 µs",
		"  ⠋ busy     ████████████░░░░░░░░░░░░  50%, 1 B of 2 B, attempt 2",
		"  … again    attempt 1 failed, again in 1.5s: broken (x.y)",
		"  ✗ bad      failed: broken (x.y)",
		"  · later    ",
		"  - skip     skipped, when false",
		"  ↶ undo     undo queued",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPictureFitsNarrowTerminals(t *testing.T) {
	t.Parallel()
	tracker := New(nil)
	tracker.Record(record(1, 0, events.JobRunning, map[string]events.Step{
		"a-step-with-a-name": {State: events.StepFailed, Fault: &events.Fault{Message: strings.Repeat("long ", 50)}},
		"busy":               {State: events.StepQueued, Attempt: 3},
	}))
	tracker.Progress(events.Progress{Step: "busy", Attempt: 3, Done: 1 << 30, Total: 1 << 40})
	for _, width := range []int{20, 40, 60} {
		for _, line := range tracker.View().Lines(Look{Width: width, Now: noon})[1:] {
			// Names are never cut; what stands behind them gets at least 8 columns.
			if n := len([]rune(line)); n > max(width, 32) {
				t.Errorf("width %d: %d columns in %q", width, n, line)
			}
		}
	}
	if got := New(nil).View().Lines(Look{}); len(got) != 1 || !strings.Contains(got[0], "waiting") {
		t.Errorf("before the first record: %q", got)
	}
}

func TestTrackerTellsWhatPeopleDid(t *testing.T) {
	t.Parallel()
	fault := &events.Fault{Code: "simulate.failed", Class: "auth", Message: "no luck"}
	steps := func(scan events.Step, undo *events.StepUndo) map[string]events.Step {
		return map[string]events.Step{"act": {State: events.StepSucceeded, Attempt: 1, Undo: undo}, "scan": scan}
	}
	stuck := events.Step{State: events.StepAttention, Attempt: 1, Fault: fault}
	skipped := events.Step{State: events.StepSkipped, Attempt: 1, Fault: fault, Reason: "by_person"}
	because := func(r events.Record, reason string) events.Record {
		r.Job.Reason = reason
		return r
	}
	tracker := New(nil)
	var got []string
	for _, r := range []events.Record{
		record(1, 1, events.JobRunning, steps(stuck, nil)),
		because(record(2, 2, events.JobPaused, steps(stuck, nil)), "the disk\nis full"),
		record(3, 3, events.JobAttention, steps(stuck, nil)),
		record(4, 4, events.JobCompleted, steps(skipped, nil)),
		because(record(5, 5, events.JobCompensating, steps(skipped, &events.StepUndo{State: events.UndoQueued, Attempt: 1})), "wrong customer"),
		because(record(6, 6, events.JobAttention, steps(skipped, &events.StepUndo{State: events.UndoAttention, Attempt: 1, Fault: fault})), "wrong customer"),
		because(record(7, 7, events.JobRolledBack, steps(skipped, &events.StepUndo{
			State: events.UndoDone, Attempt: 1, Fault: fault, Accepted: "by hand",
		})), "wrong customer"),
	} {
		got = append(got, tracker.Record(r)...)
	}
	want := []string{
		"12:00:00.001 act: succeeded",
		"12:00:00.001 scan: needs a person: no luck (simulate.failed)",
		"12:00:00.001 job: running",
		`12:00:00.002 job: paused, the disk\nis full`,
		"12:00:00.003 job: resumed, attention",
		"12:00:00.004 scan: skipped by a person: no luck (simulate.failed)",
		"12:00:00.004 job: completed",
		"12:00:00.005 act: undoing",
		"12:00:00.005 job: rolling back, wrong customer",
		"12:00:00.006 act: undo needs a person: no luck (simulate.failed)",
		"12:00:00.006 job: attention",
		"12:00:00.007 act: undo taken for done by a person: by hand",
		"12:00:00.007 job: rolled_back",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	lines := strings.Join(tracker.View().Lines(Look{Width: 100, Now: at(8)}), "\n")
	if !strings.Contains(lines, "undo taken for done by a person: by hand") || !strings.Contains(lines, "skipped by a person") {
		t.Errorf("the picture is\n%s", lines)
	}
}

// TestDecisionThatNobodyMakes is news, each time that it is asked again.
func TestDecisionThatNobodyMakes(t *testing.T) {
	t.Parallel()
	decision := func(asked int, made *events.DecisionMade) *events.DecisionRecord {
		return &events.DecisionRecord{ID: "j.act", Asked: asked, DueAt: at(9), Made: made}
	}
	stuck := func(d *events.DecisionRecord) events.Step {
		return events.Step{State: events.StepAttention, Attempt: 1, Decision: d}
	}
	undo := func(d *events.DecisionRecord) events.Step {
		return events.Step{State: events.StepFailed, Attempt: 1, Undo: &events.StepUndo{State: events.UndoAttention, Attempt: 1, Decision: d}}
	}
	byDefault := &events.DecisionMade{Choice: events.ChooseRetry, Default: true}
	again := events.Step{State: events.StepQueued, Attempt: 2, Decision: decision(2, byDefault)}
	for _, c := range []struct {
		was, is events.Step
		want    string
	}{
		{stuck(nil), stuck(decision(1, nil)), ""},
		{stuck(decision(1, nil)), stuck(decision(1, nil)), ""},
		{stuck(decision(1, nil)), stuck(decision(2, nil)), "nobody has decided in time; a person is asked again by 12:00:00.009"},
		{stuck(decision(2, nil)), again, "nobody decided in time, so the default is taken: retry; attempt 2"},
		{undo(decision(1, nil)), undo(decision(2, nil)), "nobody has decided in time; a person is asked again by 12:00:00.009"},
		{stuck(decision(1, byDefault)), stuck(decision(2, nil)), ""},
	} {
		if got := stepNews(c.was, c.is); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
