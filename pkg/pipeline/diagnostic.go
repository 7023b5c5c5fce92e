package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/events"
)

// Severities of a diagnostic.
const (
	// SeverityError makes a file unusable.
	SeverityError = "error"
	// SeverityWarning is worth a look; the file is usable.
	SeverityWarning = "warning"
)

// Diagnostic is one problem of a pipeline file.
type Diagnostic struct {
	// File is the name that [Check] was given.
	File string `json:"file"`
	// Line and Column count from 1; Column counts characters, not bytes.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Rule is the rule that the file breaks, for example "MR1040"; see [Rules].
	Rule string `json:"rule"`
	// Severity is "error" or "warning".
	Severity string `json:"severity"`
	// Message says what is wrong; Suggestion what to write instead, if known.
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"`
}

// String returns "file:line:column: rule: message (suggestion)", with "warning: "
// before the message of a warning.
func (d Diagnostic) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: ", d.place(), d.Rule)
	if d.Severity == SeverityWarning {
		b.WriteString("warning: ")
	}
	b.WriteString(d.Message)
	if d.Suggestion != "" {
		b.WriteString(" (" + d.Suggestion + ")")
	}
	return b.String()
}

func (d Diagnostic) place() string {
	if d.File == "" {
		return fmt.Sprintf("%d:%d", d.Line, d.Column)
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
}

// Invalid is the cause inside the fault pipeline.invalid that [Compile] returns.
type Invalid struct {
	// Diagnostics are all problems, warnings included, in the order of their place.
	Diagnostics []Diagnostic
}

// Error returns the errors, not the warnings, one a line.
func (e *Invalid) Error() string {
	var lines []string
	for _, d := range e.Diagnostics {
		if d.Severity == SeverityError {
			lines = append(lines, d.String())
		}
	}
	return strings.Join(lines, "\n")
}

// ProblemErrors turns diagnostics into the complaints of a problem document: the
// pointer is file:line:column and the code is the rule.
func ProblemErrors(found []Diagnostic) []events.ProblemError {
	out := make([]events.ProblemError, 0, len(found))
	for _, d := range found {
		out = append(out, events.ProblemError{
			Pointer: d.place(),
			Code:    d.Rule,
			Detail:  d.Message,
			Hint:    d.Suggestion,
		})
	}
	return out
}

// sortDiagnostics orders by place, then by rule and message, and drops repetitions.
func sortDiagnostics(found []Diagnostic) []Diagnostic {
	slices.SortFunc(found, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Message, b.Message),
			cmp.Compare(a.Suggestion, b.Suggestion),
		)
	})
	return slices.Compact(found)
}

func hasErrors(found []Diagnostic) bool {
	return slices.ContainsFunc(found, func(d Diagnostic) bool { return d.Severity == SeverityError })
}
