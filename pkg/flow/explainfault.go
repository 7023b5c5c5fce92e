package flow

import (
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// treatment is how a failed try was answered: the fault as it was treated, the
// policy that held, and the rule that had a say in it, if one did.
type treatment struct {
	as    *events.Fault
	retry Retry
	rule  string
}

// treated returns how the machine has answered a fault of a step, or of its undo.
func treated(s *Step, f *events.Fault, g *events.Ruling) treatment {
	if f == nil {
		f = Recorded(fault.New(fault.StageUnclassified, "", nil))
	}
	c := &change{ruling: g}
	t := treatment{as: c.ruled(f), retry: c.retry(s)}
	if g != nil {
		t.rule = g.Rule
	}
	return t
}

// policy is the answer to the fault's class.
func (t treatment) policy() policy { return policies[fault.Class(t.as.Class)] }

// counted says what the failure did to the budget.
func (t treatment) counted(spent int) string {
	text := "which was failure " + strconv.Itoa(spent) + " of at most " + strconv.Itoa(t.retry.MaxAttempts)
	if free(t.as) {
		text = "which does not count"
	}
	return text + t.byRule()
}

// class names the class that the fault was treated as.
func (t treatment) class() string { return "class " + t.as.Class + t.byRule() }

func (t treatment) byRule() string {
	if t.rule == "" {
		return ""
	}
	return " by rule " + t.rule
}
