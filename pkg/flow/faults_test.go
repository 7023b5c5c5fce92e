package flow

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
)

func TestFaultsOfNow(t *testing.T) {
	t.Parallel()
	f := func(code string) *events.Fault { return &events.Fault{Code: code} }
	var got []string
	for _, one := range Faults(events.Job{Fault: f("job"), Steps: map[string]events.Step{
		"d": {State: events.StepSucceeded, Fault: f("long ago")},
		"c": {State: events.StepSucceeded, Undo: &events.StepUndo{Fault: f("undo")}},
		"b": {State: events.StepQueued},
		"a": {State: events.StepRetrying, Fault: f("step")},
	}}) {
		got = append(got, one.Code)
	}
	if d := cmp.Diff([]string{"job", "step", "undo"}, got); d != "" {
		t.Error(d)
	}
}
