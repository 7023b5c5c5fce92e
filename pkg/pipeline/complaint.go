package pipeline

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// complaint is a diagnostic before it knows its file.
type complaint struct {
	rule                string
	at                  position
	message, suggestion string
}

func complain(rule string, at position, suggestion, format string, args ...any) *complaint {
	return &complaint{
		rule:       rule,
		at:         at,
		message:    fmt.Sprintf(format, args...),
		suggestion: suggestion,
	}
}

// report collects the problems of one file.
type report struct {
	file  string
	found []Diagnostic
}

func (r *report) add(c *complaint) {
	if c == nil {
		return
	}
	r.found = append(r.found, Diagnostic{
		File:       r.file,
		Line:       c.at.line,
		Column:     c.at.column,
		Rule:       c.rule,
		Severity:   severityOf(c.rule),
		Message:    c.message,
		Suggestion: c.suggestion,
	})
}

func (r *report) complain(rule string, at position, suggestion, format string, args ...any) {
	r.add(complain(rule, at, suggestion, format, args...))
}

// quote puts text of the file into a message: in quotes and not too long.
func quote(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(string([]rune(s)[:most-1]) + "…")
}
