package term

import (
	"strconv"
	"strings"
	"unicode"
)

// Clean returns s as one line that is safe to print: control characters, line
// and paragraph separators, direction marks and bytes that are not UTF-8 become
// Go escapes, for example \n and \x1b. What remains prints as itself.
func Clean(s string) string {
	if !strings.ContainsFunc(s, unsafeRune) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], "\uFFFD"):
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		case unsafeRune(r) && r != unicode.ReplacementChar:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unsafeRune reports what may not reach a terminal as it is. A replacement
// character counts, because it may stand for a byte that is not UTF-8.
func unsafeRune(r rune) bool {
	if r == unicode.ReplacementChar {
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Short cuts s to at most n characters; a cut text ends in "…".
func Short(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	if n <= 1 {
		return string(runes[:max(n, 0)])
	}
	return string(runes[:n-1]) + "…"
}

// ShortLeft cuts s from the left to at most n characters, so that the end of a path
// remains; a cut text begins with "…".
func ShortLeft(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	if n <= 1 {
		return string(runes[len(runes)-max(n, 0):])
	}
	return "…" + string(runes[len(runes)-n+1:])
}
