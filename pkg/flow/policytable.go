package flow

import (
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Policy is what is done about a failed attempt whose fault has one class, when
// neither the step's policy nor a rule says otherwise.
type Policy struct {
	Class fault.Class
	// Again is true when the attempt is tried again while the budget lasts.
	Again bool
	// Free is true when the failed attempt does not count against the budget, so
	// that the step waits as long as it takes.
	Free bool
	// Then is what becomes of the step when it is not tried again: failed, or
	// attention. It is empty when that never happens.
	Then events.StepState
}

// Policies returns the central table: one entry for every class, in the order of
// [fault.Classes]. The code stage.draining is free whatever its class; a failed
// undo is tried again in its budget whatever its class, and is then in attention;
// with unknown_effect it is so at once.
func Policies() []Policy {
	var list []Policy
	for _, class := range fault.Classes() {
		p := policies[class]
		list = append(list, Policy{
			Class: class, Again: p.again, Free: p.free, Then: stepMoves[events.StepQueued][p.then],
		})
	}
	return list
}

// policyTable writes the central table as a part of the page MACHINES.md.
func policyTable(b *strings.Builder) {
	b.WriteString("## What a failed attempt leads to\n\n" +
		"The class of the fault decides, unless a rule of an operator says otherwise (`millrace rule --help`). " +
		"The budget is the step's `retry.maxAttempts`. The code `stage.draining` never counts. A failed undo is " +
		"tried again in its budget whatever its class, and then waits for a person; with `unknown_effect` it does so " +
		"at once.\n\n" +
		"| class | tried again | counts | then |\n|---|---|---|---|\n")
	for _, p := range Policies() {
		again, counts, then := "no", "–", string(p.Then)
		if p.Again {
			again, counts = "within the budget", "yes"
		}
		if p.Free {
			again, counts, then = "as long as it takes", "no", "–"
		}
		b.WriteString("| `" + string(p.Class) + "` | " + again + " | " + counts + " | " + then + " |\n")
	}
	b.WriteString("\n")
}
