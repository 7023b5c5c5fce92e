package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is something that a pipeline file must not do.
type Rule struct {
	// ID is stable: "MR" and four digits. It is never reused.
	ID string `json:"id"`
	// Title says in a few words what the problem is.
	Title string `json:"title"`
	// Text says in a sentence or two why it is one and what to do.
	Text string `json:"text"`
	// Warning is true when the file is usable all the same.
	Warning bool `json:"warning,omitempty"`
}

// Rules returns all rules in the order of their IDs.
func Rules() []Rule { return slices.Clone(rules) }

// RulesMarkdown returns the reference page of the rules. It is kept as RULES.md,
// which go test -run TestRules -update rewrites.
func RulesMarkdown() []byte {
	var b strings.Builder
	b.WriteString("# Rules of pipeline files\n\n")
	b.WriteString("Generated from the table in `rules.go`; do not edit. ")
	b.WriteString("`millrace pipeline check FILE` names the rule of every problem it finds.\n\n")
	b.WriteString("| rule | severity | problem | why, and what to do |\n|---|---|---|---|\n")
	for _, r := range rules {
		severity := SeverityError
		if r.Warning {
			severity = SeverityWarning
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.ID, severity, r.Title,
			strings.ReplaceAll(r.Text, "|", "\\|"))
	}
	return []byte(b.String())
}

// severityOf returns the severity of a rule.
func severityOf(id string) string {
	i, ok := slices.BinarySearchFunc(rules, id, func(r Rule, id string) int {
		return strings.Compare(r.ID, id)
	})
	if ok && rules[i].Warning {
		return SeverityWarning
	}
	return SeverityError
}
