package webhook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// Limits of a filter.
const (
	maxTypes     = 50
	maxPipelines = 50
)

// Filter says which events concern an endpoint.
type Filter struct {
	// Types are types of records, or of what has made the job enter the state that
	// is the type of a record, each whole or as a group: "job.completed", "step.*",
	// "*". None means "job.*".
	Types []string `json:"types,omitempty"`
	// Pipelines are names of pipelines. None means all.
	Pipelines []string `json:"pipelines,omitempty"`
}

// WantsRecord reports whether a record with these headers concerns the endpoint, as
// [Filter.WantsEvent] does.
func (f Filter) WantsRecord(header map[string]string) bool {
	return f.WantsEvent(events.RecordType(header[events.HeaderCEType]), header[events.HeaderCause])
}

// WantsEvent reports whether a record concerns the endpoint, for the type that it has
// or for what has caused it, unless that is empty: who wants to know of undos that
// failed is told so, too, when the job is in attention for it.
func (f Filter) WantsEvent(recordType, cause string) bool {
	return f.Wants(recordType) || cause != "" && f.Wants(cause)
}

// Wants reports whether what is of that type concerns the endpoint.
func (f Filter) Wants(recordType string) bool {
	types := f.Types
	if len(types) == 0 {
		types = []string{"job.*"}
	}
	return slices.ContainsFunc(types, func(t string) bool {
		group, wild := strings.CutSuffix(t, "*")
		return t == recordType || wild && strings.HasPrefix(recordType, group)
	})
}

// Subjects are the subjects of the records of a tenant that may concern the endpoint.
// They do not overlap.
func (f Filter) Subjects(tenant string) []string {
	names := slices.Compact(slices.Sorted(slices.Values(f.Pipelines)))
	if len(names) == 0 {
		names = []string{"*"}
	}
	subjects := make([]string, len(names))
	for i, name := range names {
		subjects[i] = events.EventSubject(tenant, name, "*", "*")
	}
	return subjects
}

// Check lists everything that is wrong with a filter. Each complaint has the code
// webhook.invalid.
func (f Filter) Check() []events.ProblemError {
	var list []events.ProblemError
	for i, t := range f.Types {
		if !known(t) {
			list = append(list, complaint(fmt.Sprintf("/types/%d", i),
				fmt.Sprintf("%q is no type of event; there are *, groups like job.* and step.*, and names like job.completed",
					fault.Clip(t, 64))))
		}
	}
	for i, name := range f.Pipelines {
		if !events.ValidToken(name) {
			list = append(list, complaint(fmt.Sprintf("/pipelines/%d", i), "it is not 1 to 64 of a-z, 0-9, _ and -"))
		}
	}
	if len(f.Types) > maxTypes {
		list = append(list, complaint("/types", fmt.Sprintf("there are more than %d", maxTypes)))
	}
	if len(f.Pipelines) > maxPipelines {
		list = append(list, complaint("/pipelines", fmt.Sprintf("there are more than %d", maxPipelines)))
	}
	return list
}

// known reports whether there are events that a type matches.
func known(t string) bool {
	if t == "*" {
		return true
	}
	group, wild := strings.CutSuffix(t, ".*")
	return slices.ContainsFunc(flow.EventTypes(), func(e flow.EventType) bool {
		return t == e.Name || wild && strings.HasPrefix(e.Name, group+".")
	})
}

func complaint(pointer, detail string) events.ProblemError {
	return events.ProblemError{Pointer: pointer, Code: string(fault.WebhookInvalid), Detail: detail}
}
