package cli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

func TestExitOfErrors(t *testing.T) {
	t.Parallel()
	override := fault.New(fault.SimulateFailed, "", nil)
	override.Override = fault.Policy
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"none", nil, 0},
		{"an error without a code", errors.New("x"), 1},
		{"a bug", fault.New(fault.InternalBug, "", nil), 1},
		{"a failed check of the demo", fault.New(fault.DemoCheckFailed, "", nil), 1},
		{"usage", usage("x"), 2},
		{"flags that do not fit", fault.New(fault.MillBadConfig, "", nil), 2},
		{"a bad file", fault.New(fault.DecompressCorrupt, "", nil), 4},
		{"a bad pipeline", fault.New(fault.PipelineInvalid, "", nil), 4},
		{"a missing file", unreadable(errors.New("x")), 4},
		{"a job that is not there", fault.New(fault.JobNotFound, "", nil), 4},
		{"a used key", fault.New(fault.SubmitKeyReused, "", nil), 5},
		{"a used folder", fault.New(fault.MillDataDirInUse, "", nil), 5},
		{"a rule", fault.New(fault.SubmitBadName, "", nil), 6},
		{"no login", fault.New(fault.FetchDenied, "", nil), 6},
		{"an overridden class", override, 6},
		{"a failed check of the machine", fault.New(fault.CliCheckFailed, "", nil), 7},
		{"no server", fault.New(fault.CliNoServer, "", nil), 69},
		{"no broker", fault.New(fault.BusUnreachable, "", nil), 69},
		{"a full intake", fault.New(fault.SubmitRefused, "", nil), 75},
		{"a broken connection", fault.New(fault.ClientInterrupted, "", nil), 75},
		{"an interrupt", fault.New(fault.CliInterrupted, "", nil), 130},
		{"a wrapped fault", fmt.Errorf("x: %w", fault.New(fault.BusFenced, "", nil)), 5},
	} {
		if got := ExitOf(c.err); got != c.want {
			t.Errorf("%s: exit %d, want %d", c.name, got, c.want)
		}
	}
}

func TestExitOfJobsThatWereWaitedFor(t *testing.T) {
	t.Parallel()
	want := map[events.JobState]int{
		events.JobCompleted: 0, events.JobPartial: 3, events.JobFailed: 4, events.JobCancelled: 4,
		events.JobRolledBack: 4, events.JobAttention: 7, events.JobPaused: 7, events.JobAccepted: 75, events.JobRunning: 75,
		events.JobWaiting: 75, events.JobCancelling: 75, events.JobCompensating: 75,
	}
	for _, s := range api.States() {
		if got := ExitOf(fmt.Errorf("wait: %w", &jobEnded{s})); got != want[s] {
			t.Errorf("%s: exit %d, want %d", s, got, want[s])
		}
	}
}

// Every class has a code that the table explains, so that a new class cannot
// end a program in a way no help text names.
func TestExitTableExplainsEveryCode(t *testing.T) {
	t.Parallel()
	explained := map[int]bool{}
	last := -1
	for _, e := range ExitTable() {
		if e.Meaning == "" || e.Code <= last {
			t.Errorf("row %d %q is empty or out of order", e.Code, e.Meaning)
		}
		last = e.Code
		explained[e.Code] = true
	}
	for _, c := range fault.Classes() {
		if code := exitOfClass(c); !explained[code] {
			t.Errorf("class %s gives %d, which the table does not explain", c, code)
		}
	}
	for _, s := range api.States() {
		if code := exitOfState(s); !explained[code] {
			t.Errorf("state %s gives %d, which the table does not explain", s, code)
		}
	}
}
