package pipeline

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// refuse reports the tokens that a pipeline file does without. It runs before
// the parser, so that neither an alias nor deep nesting ever reaches it.
func (r *reader) refuse(tokens token.Tokens) {
	nesting := nesting{}
	headers, ended := 0, false
	for _, t := range tokens {
		if t.Type == token.DocumentHeaderType {
			headers++
		}
		if headers > 1 || ended && t.Type != token.CommentType && t.Type != token.DocumentEndType {
			r.complain(ruleDocuments, r.place(t), "put it into a file of its own",
				"the file holds another document")
			return
		}
		ended = ended || t.Type == token.DocumentEndType
		if nesting.tooDeep(t) {
			r.complain(ruleDepth, r.place(t), "", "values are nested more than %d deep", maxDepth)
			return
		}
		r.refuseToken(t)
	}
}

func (r *reader) refuseToken(t *token.Token) {
	at := r.place(t)
	switch t.Type {
	case token.InvalidType:
		r.invalid(t, at)
	case token.AnchorType:
		r.complain(ruleAlias, at, "write the value out where it is used", "anchors are not allowed")
	case token.AliasType:
		r.complain(ruleAlias, at, "write the value out; text that begins with * stands in quotes",
			"aliases are not allowed")
	case token.MergeKeyType:
		r.complain(ruleMerge, at, "write the keys out", "merge keys are not allowed")
	case token.TagType:
		r.complain(ruleTag, at, "remove it; quotes make a value a string", "tags are not allowed")
	case token.DirectiveType:
		r.complain(ruleTag, at, "remove it", "directives are not allowed")
	case token.MappingKeyType:
		r.complain(ruleKey, at, "write key: value", "keys marked with ? are not allowed")
	}
}

// invalid reports text that is no token. What follows a first such place is
// often nonsense, so only the first of a line is reported.
func (r *reader) invalid(t *token.Token, at position) {
	for _, d := range r.found {
		if d.Line == at.line {
			return
		}
	}
	line := string(r.src.lines[at.line-1])
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if i := strings.IndexByte(indent, '\t'); i >= 0 {
		r.complain(ruleTab, position{at.line, i + 1}, "indent with spaces",
			"the line is indented with a tab")
		return
	}
	r.complain(ruleSyntax, at, r.syntaxHint(at), "the file cannot be read as YAML: %s", t.Error)
}

// nesting follows how deep the parser would have to go.
type nesting struct{ flow, line, dashes int }

func (n *nesting) tooDeep(t *token.Token) bool {
	if t.Position.Line != n.line {
		n.line, n.dashes = t.Position.Line, 0
	}
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		n.flow++
	case token.MappingEndType, token.SequenceEndType:
		n.flow = max(n.flow-1, 0)
	case token.SequenceEntryType:
		n.dashes++
	}
	return n.flow > maxDepth || n.dashes > maxDepth
}
