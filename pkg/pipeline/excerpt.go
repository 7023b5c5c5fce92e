package pipeline

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Widths of an excerpt, in characters.
const (
	excerptBefore = 2
	excerptWidth  = 100
)

// Excerpt shows the place of a diagnostic in its file: up to two lines before it,
// the line itself, and a mark under the character. Long lines are cut, tabs are
// shown as spaces. It returns "" when the file has no such line. Every line ends
// with a line end.
func Excerpt(src []byte, d Diagnostic) string {
	text := strings.TrimPrefix(strings.ToValidUTF8(string(src), "\uFFFD"), "\uFEFF")
	lines := strings.Split(text, "\n")
	if d.Line < 1 || d.Line > len(lines) {
		return ""
	}
	width := utf8.RuneCountInString(strings.TrimRight(lines[d.Line-1], "\r"))
	column := min(max(d.Column, 1)-1, width)
	digits := len(fmt.Sprint(d.Line))
	from := max(0, column-excerptWidth+20)
	var b strings.Builder
	for n := max(1, d.Line-excerptBefore); n <= d.Line; n++ {
		mark := " "
		if n == d.Line {
			mark = ">"
		}
		line := fmt.Sprintf("%s %*d | %s", mark, digits, n, window(lines[n-1], from))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	indent := column - from
	if from > 0 {
		indent++
	}
	fmt.Fprintf(&b, "  %*s | %s^\n", digits, "", strings.Repeat(" ", max(indent, 0)))
	return b.String()
}

// window returns the part of a line that is shown, with a mark where it is cut.
func window(line string, from int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return -1
		case r < ' ' || r == 0x7f:
			return ' '
		}
		return r
	}, line))
	if from > len(runes) {
		from = len(runes)
	}
	cut := runes[from:]
	out := ""
	if from > 0 {
		out = "…"
	}
	if len(cut) > excerptWidth {
		return out + string(cut[:excerptWidth]) + "…"
	}
	return out + string(cut)
}
