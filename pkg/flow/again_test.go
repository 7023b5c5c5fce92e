package flow_test

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// TestCommandThatComesAgain: a command whose message is delivered again, because its
// ack was lost, changes nothing, also when the job would take it as a new one.
func TestCommandThatComesAgain(t *testing.T) {
	t.Parallel()
	w := submit(t, newPlan(flow.Step{ID: "a"}))
	for i := range 10 {
		w.fail("a", fault.Auth)
		w.wantJob(events.JobAttention)
		if i > 0 {
			again := command(events.VerbRetry)
			again.Control.ID = fmt.Sprint("m", i-1)
			if tr, err := w.apply(again); err != nil || tr.Changed {
				t.Fatalf("the command before changes the job again: %v", err)
			}
		}
		in := command(events.VerbRetry)
		in.Control.ID = fmt.Sprint("m", i)
		w.must(in)
	}
	if n := len(w.job.Commands); n != 8 || w.job.Commands[n-1] != "m9" {
		t.Errorf("the job remembers %v", w.job.Commands)
	}
	w.fail("a", fault.Auth)
	w.command(events.VerbRetry) // without an id it is new every time
	w.fail("a", fault.Auth)
	w.command(events.VerbRetry)
	if n := len(w.job.Commands); n != 8 {
		t.Errorf("the job remembers %v", w.job.Commands)
	}
}
