package demo

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/millrace/term"
)

func TestBoardCountsSteps(t *testing.T) {
	t.Parallel()
	b := NewBoard([]Pick{{Size: 10}, {Size: 30}})
	b.addStep("fetch")
	b.addStep("pack")
	b.uploaded(10)
	first := events.Job{Steps: map[string]events.Step{"fetch": {State: events.StepQueued}, "pack": {State: events.StepPending}}}
	second := events.Job{Steps: map[string]events.Step{"fetch": {State: events.StepSucceeded}, "pack": {State: events.StepRetrying}}}
	b.moved(events.Job{}, first)
	b.moved(first, second)
	b.moved(events.Job{}, first)
	b.finished(Item{})
	got := b.Lines(80, 0, term.Paint{})
	for i, want := range []string{
		"upload     ██████████░", "fetch      ████████████████████░░░░░░░░░░░░░░░░░░░░ 1/2 1 under way", "pack       ░", "1 of 2 files through",
	} {
		if !strings.Contains(got[i], want) {
			t.Errorf("line %d is %q, want %q in it", i, got[i], want)
		}
	}
	if !strings.Contains(got[3], "1 tried again") {
		t.Errorf("no word of the retry: %q", got[3])
	}
	b.finished(Item{Err: jobError(events.Job{})})
	if got := b.Lines(20, 1, term.Paint{}); !strings.Contains(got[3], "1 failed") {
		t.Errorf("no word of the failure: %q", got[3])
	}
}
