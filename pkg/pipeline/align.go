package pipeline

import "unicode"

// places returns where each character of a string stands in the file, and one
// place more for its end. It walks text and file side by side: what the file has
// and the text has not is indentation, folding, or an escape.
func (s *source) places(n *node) []position {
	out := make([]position, 0, len(n.text)+1)
	at := s.begin(n)
	for _, want := range n.text {
		at = s.skip(n.style, at, want)
		out = append(out, at)
		at = s.after(n.style, at, want)
	}
	return append(out, s.clamp(at))
}

// begin returns the place of the first character of a string's text.
func (s *source) begin(n *node) position {
	switch n.style {
	case styleSingle, styleDouble:
		return s.next(n.at)
	case styleBlock:
		return position{n.at.line + 1, 1}
	}
	return n.at
}

// skip moves over white space that the text does not have, to the character that
// stands for want.
func (s *source) skip(how style, at position, want rune) position {
	for {
		c, ok := s.at(at)
		switch {
		case !ok || c == want:
			return at
		case how == styleDouble && c == '\\':
			if e, _ := s.at(s.next(at)); e != '\n' {
				return at
			}
			at = s.next(at)
		case c == '\n' && want == ' ':
			return at
		case !unicode.IsSpace(c):
			return at
		}
		at = s.next(at)
	}
}

// after returns the place behind the character that stands for want.
func (s *source) after(how style, at position, want rune) position {
	c, ok := s.at(at)
	if !ok {
		return at
	}
	next := s.next(at)
	switch {
	case how == styleSingle && c == '\'' && want == '\'':
		return s.next(next)
	case how == styleDouble && c == '\\':
		e, _ := s.at(next)
		for range 1 + escapeDigits(e) {
			next = s.next(next)
		}
	}
	return next
}

// escapeDigits returns how many digits follow the letter of an escape.
func escapeDigits(letter rune) int {
	switch letter {
	case 'x':
		return 2
	case 'u':
		return 4
	case 'U':
		return 8
	}
	return 0
}
