package main

import "strings"

// initialisms are the words that Go writes in capitals.
var initialisms = map[string]bool{"id": true, "io": true, "http": true, "ms": true, "url": true}

// exported turns a dotted or underscored name of the wire into an exported Go
// name: "retry_after_ms" into RetryAfterMS.
func exported(wire string) string {
	var b strings.Builder
	for _, w := range strings.FieldsFunc(wire, func(r rune) bool { return r == '.' || r == '_' }) {
		if initialisms[w] {
			b.WriteString(strings.ToUpper(w))
		} else {
			b.WriteString(strings.ToUpper(w[:1]) + w[1:])
		}
	}
	return b.String()
}

// comment writes text as a Go comment with the given indentation, wrapped so
// that no line is longer than 80 columns, tabs counted as four.
func comment(b *strings.Builder, indent, text string) {
	width := 80 - len("// ") - 4*len(indent)
	line := ""
	flush := func() {
		if line != "" {
			b.WriteString(indent + "// " + line + "\n")
		}
	}
	for _, w := range strings.Fields(text) {
		if line != "" && len(line)+1+len(w) > width {
			flush()
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	flush()
}
