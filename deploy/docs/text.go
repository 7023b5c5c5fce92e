package main

import (
	"fmt"
	"strings"
)

// text is a page of Markdown that is being written. Its paragraphs, headings and tables
// have an empty line between them.
type text struct{ b strings.Builder }

// String returns what was written.
func (t *text) String() string { return t.b.String() }

func (t *text) part(s string) {
	if t.b.Len() > 0 {
		t.b.WriteByte('\n')
	}
	t.b.WriteString(strings.TrimRight(s, "\n") + "\n")
}

// say writes a paragraph.
func (t *text) say(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	t.part(format)
}

// heading writes a heading.
func (t *text) heading(level int, s string) { t.part(strings.Repeat("#", level) + " " + s) }

// code writes a block of code.
func (t *text) code(language, s string) {
	t.part("```" + language + "\n" + strings.TrimRight(s, "\n") + "\n```")
}

// table writes a table, unless it has no rows. Its cells are Markdown on one line.
func (t *text) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
	}
	t.part(b.String())
}

// plain makes words fit for a cell or a paragraph: no mark in them means anything.
func plain(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;", "_", `\_`).Replace(s)
}

// quote shows something as code, in a cell too. Nothing is shown as nothing.
func quote(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

// quotes shows a list as code.
func quotes(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = quote(s)
	}
	return strings.Join(out, ", ")
}

// anchor is what GitHub calls a heading: small letters, digits, dashes for spaces, and
// nothing else.
func anchor(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r > 127:
			b.WriteRune(r)
		}
	}
	return b.String()
}
