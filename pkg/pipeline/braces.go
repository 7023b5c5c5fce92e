package pipeline

import (
	"strings"
	"unicode/utf8"
)

// Marks of an expression inside a string.
const (
	openMark    = "${{"
	closeMark   = "}}"
	literalMark = "$${{"
)

// hasExpression reports whether a string has an expression, even a broken one.
func hasExpression(text string) bool {
	return strings.Contains(strings.ReplaceAll(text, literalMark, ""), openMark)
}

// segment is a part of a string: text as it stands, or an expression.
type segment struct {
	text string
	expr bool
	// offset is where the text begins, in characters; that of an expression is
	// behind its mark.
	offset int
}

// segments splits a string at its expressions. unclosed is the offset of a mark
// that is not closed, -1 if there is none.
func segments(text string) (out []segment, unclosed int) {
	var literal strings.Builder
	offset := 0
	flush := func() {
		if literal.Len() > 0 {
			out = append(out, segment{text: literal.String()})
			literal.Reset()
		}
	}
	for text != "" {
		switch {
		case strings.HasPrefix(text, literalMark):
			literal.WriteString(openMark)
			text, offset = text[len(literalMark):], offset+len(literalMark)
		case strings.HasPrefix(text, openMark):
			flush()
			inside := text[len(openMark):]
			end := closing(inside)
			if end < 0 {
				return out, offset
			}
			out = append(out, segment{text: inside[:end], expr: true, offset: offset + len(openMark)})
			offset += len(openMark) + utf8.RuneCountInString(inside[:end]) + len(closeMark)
			text = inside[end+len(closeMark):]
		default:
			_, size := utf8.DecodeRuneInString(text)
			literal.WriteString(text[:size])
			text, offset = text[size:], offset+1
		}
	}
	flush()
	return out, -1
}

// closing returns where the expression at the start of text ends: at the first
// }} that is neither in a string of the expression nor closes braces of it. It
// returns -1 when there is none.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			i += quoted(text[i:], i > 0 && (text[i-1] == 'r' || text[i-1] == 'R'))
			continue
		case c == '{':
			depth++
		case c == '}' && depth == 0:
			if strings.HasPrefix(text[i:], closeMark) {
				return i
			}
		case c == '}':
			depth--
		}
		i++
	}
	return -1
}

// quoted returns the length of the string literal at the start of text. One that
// does not end reaches to the end.
func quoted(text string, raw bool) int {
	mark := text[:1]
	if strings.HasPrefix(text, mark+mark+mark) {
		mark = text[:3]
	}
	for i := len(mark); i < len(text); i++ {
		switch {
		case !raw && text[i] == '\\':
			i++
		case strings.HasPrefix(text[i:], mark):
			return i + len(mark)
		}
	}
	return len(text)
}
