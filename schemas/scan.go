package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What the form of a message may be, whatever its schema.
const (
	// MaxBytes is the largest payload that a door takes: 1 MiB.
	MaxBytes = 1 << 20
	// maxDepth is how deep objects and arrays may be nested.
	maxDepth = 64
	// maxNumber is how long a number may be, so that no reader has to compute
	// with a million digits; maxExponent bounds what follows its e.
	maxNumber   = 40
	maxExponent = 400
	// manyKeys is the size from which on keys are looked up in a map.
	manyKeys = 16
)

// scan checks that data is one JSON value in valid UTF-8, with no key given twice
// in an object, not nested too deep, and without numbers that are costly to read.
// encoding/json looks for none of the last four.
//
// It returns the place of the first fault as a JSON pointer, and what it is; an
// empty detail means that there is none. regular says that the value also has
// the given shape and nothing unusual in it; see [shape].
func scan(data []byte, sh *shape) (regular bool, pointer, detail string) {
	switch {
	case len(data) == 0:
		return false, "", "the payload is empty"
	case len(data) > MaxBytes:
		return false, "", fmt.Sprintf("the payload has %d bytes, more than %d", len(data), MaxBytes)
	case !utf8.Valid(data):
		return false, "", "the payload is not valid UTF-8"
	}
	s := scanner{data: data, regular: true}
	s.path = s.paths[:0]
	s.keys = s.keyArray[:0]
	s.space()
	s.value(sh)
	s.space()
	if s.detail == "" && s.pos < len(data) {
		s.fail("something follows the JSON value")
	}
	if s.detail == "" {
		return s.regular, "", ""
	}
	return false, s.pointer(), s.detail
}

// scanner walks over one message. After the first fault every method returns at
// once, and path still leads to the place.
type scanner struct {
	data    []byte
	pos     int
	path    []place
	keys    [][]byte // keys seen in the open objects, those of the innermost last
	detail  string
	regular bool

	// Room for what most messages need.
	paths    [8]place
	keyArray [32][]byte
}

// place is one part of the path to where the scanner is: a key of an object, or
// an index when key is nil; -1 is neither yet.
type place struct {
	key   []byte
	index int
}

func (s *scanner) fail(detail string) {
	if s.detail == "" {
		s.detail = detail
	}
}

func (s *scanner) broken() { s.fail("not JSON at byte " + strconv.Itoa(s.pos)) }

// pointer is the place of the fault.
func (s *scanner) pointer() string {
	var b strings.Builder
	for _, p := range s.path {
		switch {
		case p.key != nil:
			b.WriteString("/" + escape(string(p.key)))
		case p.index >= 0:
			b.WriteString("/" + strconv.Itoa(p.index))
		}
	}
	return b.String()
}

// peek returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) value(sh *shape) {
	switch c := s.peek(); {
	case c == '{':
		if s.down() {
			s.object(sh)
			s.up()
		}
	case c == '[':
		if s.down() {
			s.array(sh)
			s.up()
		}
	case c == '"':
		text, escaped := s.text()
		s.regular = s.regular && (sh == nil || !escaped && sh.plain(text))
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	case c == 'n':
		s.word("null")
		s.regular = s.regular && sh == nil
	case c == '-' || isDigit(c):
		s.number()
	default:
		s.broken()
	}
}

// down steps over an opening bracket, unless that is too deep.
func (s *scanner) down() bool {
	if len(s.path) == maxDepth {
		s.fail("nested deeper than " + strconv.Itoa(maxDepth))
		return false
	}
	s.pos++
	s.space()
	s.path = append(s.path, place{index: -1})
	return true
}

// up leaves a level.
func (s *scanner) up() {
	if s.detail == "" {
		s.path = s.path[:len(s.path)-1]
	}
}

func (s *scanner) object(sh *shape) {
	first := len(s.keys)
	var seen map[string]bool
	for more := s.more('}', true); more; more = s.more('}', false) {
		key := s.key()
		if s.detail != "" {
			return
		}
		s.path[len(s.path)-1] = place{key: key}
		if seen = s.remember(key, first, seen); s.detail != "" {
			return
		}
		below, known := sh.key(key)
		s.regular = s.regular && known
		s.value(below)
	}
	s.keys = s.keys[:first]
}

func (s *scanner) array(sh *shape) {
	i, below := 0, sh.item()
	for more := s.more(']', true); more; more = s.more(']', false) {
		s.path[len(s.path)-1] = place{index: i}
		s.value(below)
		i++
	}
}

// more reports whether another member follows, and steps over the comma before
// it, or over the closing bracket.
func (s *scanner) more(end byte, first bool) bool {
	if s.detail != "" {
		return false
	}
	if !first {
		s.space()
	}
	switch c := s.peek(); {
	case c == end:
		s.pos++
		return false
	case first:
		return true
	case c == ',':
		s.pos++
		s.space()
		return true
	}
	s.broken()
	return false
}

// key reads a key and the colon after it.
func (s *scanner) key() []byte {
	if s.peek() != '"' {
		s.broken()
		return nil
	}
	key, _ := s.text()
	s.space()
	if s.peek() != ':' {
		s.broken()
		return nil
	}
	s.pos++
	s.space()
	return key
}

// remember fails when key was seen since first, and notes it otherwise. Large
// objects are looked up in a map, which it makes when it is needed.
func (s *scanner) remember(key []byte, first int, seen map[string]bool) map[string]bool {
	mine := s.keys[first:]
	if seen == nil && len(mine) == manyKeys {
		seen = make(map[string]bool, 4*manyKeys)
		for _, k := range mine {
			seen[string(k)] = true
		}
	}
	twice := seen[string(key)]
	if seen == nil {
		for _, k := range mine {
			twice = twice || bytes.Equal(k, key)
		}
	} else {
		seen[string(key)] = true
	}
	if twice {
		s.fail("the key is given twice")
	}
	s.keys = append(s.keys, key)
	return seen
}

// text reads a string and returns what it stands for, and whether it is written
// with escapes.
func (s *scanner) text() (text []byte, escaped bool) {
	start := s.pos
	s.pos++
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			if escaped {
				return s.unescape(s.data[start:s.pos]), true
			}
			return s.data[start+1 : s.pos-1], false
		case c == '\\':
			escaped = true
			s.pos += 2
		case c < ' ':
			s.broken()
			return nil, false
		default:
			s.pos++
		}
	}
	s.pos = min(s.pos, len(s.data))
	s.broken()
	return nil, false
}

// unescape reads a string with escapes in it.
func (s *scanner) unescape(quoted []byte) []byte {
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		s.broken()
		return nil
	}
	if strings.ContainsRune(text, utf8.RuneError) && !bytes.ContainsRune(quoted, utf8.RuneError) &&
		!bytes.Contains(bytes.ToLower(quoted), []byte(`\ufffd`)) {
		s.fail("half of a surrogate pair, which is no character")
	}
	return []byte(text)
}

func (s *scanner) word(w string) {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		s.broken()
		return
	}
	s.pos += len(w)
}

// number reads a number: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number() {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.pos++
		s.digits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.exponent()
	}
	if s.pos-start > maxNumber {
		s.fail("a number with more than " + strconv.Itoa(maxNumber) + " characters")
	}
}

func (s *scanner) exponent() {
	s.pos++
	if c := s.peek(); c == '+' || c == '-' {
		s.pos++
	}
	start := s.pos
	s.digits()
	if n, err := strconv.Atoi(string(s.data[start:s.pos])); s.detail == "" && (err != nil || n > maxExponent) {
		s.fail("a number with an exponent above " + strconv.Itoa(maxExponent))
	}
}

// digits reads at least one digit.
func (s *scanner) digits() {
	if !isDigit(s.peek()) {
		s.broken()
	}
	for isDigit(s.peek()) {
		s.pos++
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// escape writes a key as one part of a JSON pointer.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
