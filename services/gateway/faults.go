package gateway

import (
	"net/http"
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// getFault answers with what a code means and its runbook. Fault: http.not_found.
func (g *Gateway) getFault(x *exchange) error {
	code := fault.Code(x.r.PathValue("code"))
	if !slices.Contains(fault.Codes(), code) {
		return fault.New(fault.HTTPNotFound, "there is no fault "+fault.Clip(string(code), 100), nil)
	}
	i := code.Info()
	return x.json(http.StatusOK, api.FaultInfo{
		Code: i.Code, Class: i.Class, Text: i.Text, Hint: i.Hint,
		Policy: policyText(i.Class), Runbook: runbook(i),
	})
}

// policyText says what is done about an attempt that fails with a class.
func policyText(class fault.Class) string {
	for _, p := range flow.Policies() {
		if p.Class != class {
			continue
		}
		then := "the step fails, and the job with it if the step is critical"
		if p.Then == events.StepAttention {
			then = "a person is asked"
		}
		switch {
		case p.Again && p.Free:
			return "It is tried again, for as long as it takes: it does not count against the budget."
		case p.Again:
			return "It is tried again while the budget lasts; then " + then + "."
		}
		return "It is not tried again: " + then + "."
	}
	return "It is tried again while the budget lasts."
}

// runbook is what to do about a fault, command by command.
func runbook(i fault.Info) []api.RunbookStep {
	code := string(i.Code)
	steps := []api.RunbookStep{
		{Do: "See which jobs have it", Command: "millrace job list --fault " + code},
		{Do: "Ask one of them why it stands, and what moves it", Command: "millrace job explain JOB"},
	}
	if i.Class == fault.DependencyDown || i.Class == fault.Timeout || i.Class == fault.RateLimited {
		steps = append(steps, api.RunbookStep{Do: "See which dependency the workers have trouble with", Command: "millrace breaker list"})
	}
	return append(steps,
		api.RunbookStep{Do: "Answer what is asked of a person", Command: "millrace decision list --class " + string(i.Class)},
		api.RunbookStep{
			Do:      "Once the cause is gone, try all of them again",
			Command: "millrace operation start retry --code " + code + " --reason TEXT",
		},
		api.RunbookStep{
			Do:      "Change what is done about it from now on",
			Command: "millrace rule set NAME --match code=" + code + " --reason TEXT",
		},
	)
}
