package pipeline

import (
	"unicode/utf8"
)

// section reads the fields of one mapping of the file.
type section struct {
	*report
	// what names the mapping in messages: "step pack".
	what string
	node *node
}

// otherNames are names of fields as other systems have them.
var otherNames = map[string]string{
	"after":       "needs",
	"args":        "with",
	"condition":   "when",
	"config":      "with",
	"deadline":    "timeout",
	"dependsOn":   "needs",
	"depends_on":  "needs",
	"if":          "when",
	"inputs":      "input",
	"name":        "id",
	"optional":    "critical",
	"parameters":  "params",
	"pivot":       "irreversible",
	"requires":    "needs",
	"retries":     "retry",
	"stage":       "uses",
	"stages":      "steps",
	"tasks":       "steps",
	"use":         "uses",
	"when_":       "when",
	"attempts":    "maxAttempts",
	"backoff":     "factor",
	"desc":        "description",
	"maximum":     "max",
	"minimum":     "min",
	"maxDelay":    "max",
	"api_version": "apiVersion",
}

// elsewhere says where to state what a field of that name would.
var elsewhere = map[string]string{
	"maxBytes": "set max_bytes on the fetch step",
	"accept":   "set accept on the identify step",
}

// section opens a mapping that may have the fields known. It complains about
// others, and returns nil when n is no mapping.
func (r *report) section(n *node, what string, known ...string) *section {
	if n.kind != kindObject {
		r.complain(ruleType, n.at, "", "%s is a mapping, not %s", what, n.kind)
		return nil
	}
	for _, f := range n.fields {
		if !contains(known, f.name) {
			r.complain(ruleUnknownField, f.at, unknownHint(f.name, known), "%s has no field %s", what,
				quote(f.name))
		}
	}
	return &section{report: r, what: what, node: n}
}

func unknownHint(name string, known []string) string {
	if other := otherNames[name]; contains(known, other) {
		return "did you mean " + other + "?"
	}
	if hint := didYouMean(name, known); hint != "" {
		return hint
	}
	if hint := elsewhere[name]; hint != "" {
		return hint
	}
	return "it takes " + oneOf(known)
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// required returns the value of a field and complains when there is none.
func (s *section) required(name string) *node {
	if s == nil {
		return nil
	}
	n := s.node.get(name)
	if n == nil {
		s.complain(ruleMissing, s.node.at, "add "+name+":", "%s has no %s", s.what, name)
	}
	return n
}

// optional returns the value of a field, or nil.
func (s *section) optional(name string) *node {
	if s == nil {
		return nil
	}
	return s.node.get(name)
}

// label names a field in messages: "timeout of step pack".
func (s *section) label(name string) string { return name + " of " + s.what }

// text reads a string of at most most characters. ok is false when n is nil or
// something else.
func (s *section) text(n *node, name string, most int) (text string, ok bool) {
	if n == nil || !s.is(n, name, kindText) {
		return "", false
	}
	if count := utf8.RuneCountInString(n.text); count > most {
		s.complain(ruleBounds, n.at, "", "%s has %d characters, more than %d", s.label(name), count, most)
		return "", false
	}
	return n.text, true
}

// is complains when n is not of kind want.
func (s *section) is(n *node, name string, want kind) bool {
	if n.kind == want {
		return true
	}
	s.complain(ruleType, n.at, typeHint(n, want), "%s is %s, not %s", s.label(name), want, n.kind)
	return false
}

func typeHint(n *node, want kind) string {
	switch {
	case want == kindText && (n.kind == kindNumber || n.kind == kindBool):
		return "put it in quotes"
	case want == kindBool && n.kind == kindText &&
		contains([]string{"yes", "on", "y", "Yes", "On"}, n.text):
		return "write true"
	case want == kindBool && n.kind == kindText &&
		contains([]string{"no", "off", "n", "No", "Off"}, n.text):
		return "write false"
	case want == kindList && n.kind == kindText:
		return "write [" + n.text + "]"
	}
	return ""
}

// whole reads an integer within bounds.
func (s *section) whole(n *node, name string, least, most int64) (i int, ok bool) {
	if n == nil {
		return 0, false
	}
	v, isWhole := n.whole()
	switch {
	case !isWhole:
		s.complain(ruleType, n.at, "", "%s is a whole number, not %s", s.label(name), describe(n))
	case v < least || v > most:
		s.complain(ruleBounds, n.at, "", "%s is from %d to %d, not %d", s.label(name), least, most, v)
	default:
		return int(v), true
	}
	return 0, false
}

// describe names a value in messages.
func describe(n *node) string {
	switch n.kind {
	case kindNumber, kindBool:
		return n.raw
	case kindText:
		return quote(n.text)
	}
	return n.kind.String()
}
