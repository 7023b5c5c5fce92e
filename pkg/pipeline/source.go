package pipeline

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Limits of a file.
const (
	// MaxSource is the largest pipeline file, in bytes.
	MaxSource = 256 << 10
	// maxTokens bounds the work of the YAML parser, which grows faster than the file.
	maxTokens = 20_000
	// maxDepth bounds how deep values are nested.
	maxDepth = 32
)

// position is a place in the file. Line and column count from 1, columns in
// characters.
type position struct{ line, column int }

// source is the text of a file, by lines, without byte order mark and carriage
// returns.
type source struct {
	text  string
	lines [][]rune
}

// newSource splits a file into lines. It returns nil and a complaint when the
// file is not text.
func newSource(src []byte) (*source, *complaint) {
	if len(src) > MaxSource {
		return nil, complain(ruleTooLarge, position{1, 1}, "split the work over several pipelines",
			"the file has %d bytes, more than %d", len(src), MaxSource)
	}
	text := string(bytes.TrimPrefix(src, []byte("\uFEFF")))
	if bad := notText(text); bad != nil {
		return nil, bad
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	s := &source{text: text}
	for line := range strings.SplitSeq(text, "\n") {
		s.lines = append(s.lines, []rune(line))
	}
	return s, nil
}

// notText complains about the first byte that is not UTF-8 or is a control
// character other than tab and line end.
func notText(text string) *complaint {
	at := position{1, 1}
	for i, r := range text {
		switch {
		case r == utf8.RuneError && isInvalid(text[i:]):
			return complain(ruleNotText, at, "save the file as UTF-8", "byte 0x%02x is not UTF-8", text[i])
		case r == '\n':
			at = position{at.line + 1, 0}
		case r == '\t', r == '\r' && strings.HasPrefix(text[i:], "\r\n"):
		case r < ' ' || r == 0x7f:
			return complain(ruleNotText, at, "remove it, or write it as an escape in double quotes",
				"the control character U+%04X is not allowed", r)
		}
		at.column++
	}
	return nil
}

func isInvalid(s string) bool {
	_, size := utf8.DecodeRuneInString(s)
	return size == 1
}

// at returns the character at p, '\n' at the end of a line, and ok false behind
// the end of the file.
func (s *source) at(p position) (r rune, ok bool) {
	if p.line < 1 || p.line > len(s.lines) {
		return 0, false
	}
	line := s.lines[p.line-1]
	if p.column-1 < len(line) {
		return line[max(p.column-1, 0)], true
	}
	return '\n', p.line < len(s.lines)
}

// next returns the position after p.
func (s *source) next(p position) position {
	if p.line <= len(s.lines) && p.column <= len(s.lines[p.line-1]) {
		return position{p.line, p.column + 1}
	}
	return position{p.line + 1, 1}
}

// clamp moves p into the file.
func (s *source) clamp(p position) position {
	p.line = min(max(p.line, 1), len(s.lines))
	p.column = min(max(p.column, 1), len(s.lines[p.line-1])+1)
	return p
}
