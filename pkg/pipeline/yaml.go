package pipeline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// reader turns the text of a file into nodes.
type reader struct {
	*report
	src *source
}

// read returns the one document of the file, or nil when it cannot be read.
func (r *reader) read() *node {
	before := len(r.found)
	tokens := lexer.Tokenize(r.src.text)
	if len(tokens) > maxTokens {
		r.complain(ruleTooLarge, r.place(tokens[maxTokens]), "split the work over several pipelines",
			"the file has more than %d words and marks", maxTokens)
		return nil
	}
	r.refuse(tokens)
	if len(r.found) > before {
		return nil
	}
	file, err := parse(tokens)
	if err != nil {
		r.syntax(err)
		return nil
	}
	var root *node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			r.complain(ruleDocuments, r.start(doc.Body), "put it into a file of its own",
				"the file holds another document")
			return nil
		}
		root = r.node(doc.Body, 1)
	}
	if len(r.found) > before {
		return nil
	}
	if root == nil || root.kind == kindNull {
		r.complain(ruleEmpty, position{1, 1}, "begin with apiVersion: millrace.dev/v1",
			"the file is empty")
		return nil
	}
	return root
}

// parse guards against panics of the parser: no file may bring a service down.
func parse(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, fmt.Errorf("the parser gave up: %v", p)
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// syntax reports what the parser complains about.
func (r *reader) syntax(err error) {
	var bad *yaml.SyntaxError
	if !errors.As(err, &bad) || bad.Token == nil {
		r.complain(ruleSyntax, position{1, 1}, "", "the file cannot be read as YAML: %s", err.Error())
		return
	}
	at := r.place(bad.Token)
	r.complain(ruleSyntax, at, r.syntaxHint(at), "the file cannot be read as YAML: %s", bad.Message)
}

// syntaxHint guesses the usual reason from the line: an expression that is not
// in quotes.
func (r *reader) syntaxHint(at position) string {
	line := string(r.src.lines[at.line-1])
	switch {
	case strings.Contains(line, "${{"), strings.HasPrefix(strings.TrimLeft(line, " -"), "when:"):
		return "put the whole value in quotes"
	case strings.Count(line, ": ") > 1:
		return "put a value that contains ': ' in quotes"
	}
	return ""
}

// place returns where a token stands.
func (r *reader) place(t *token.Token) position {
	p := r.src.clamp(position{t.Position.Line, t.Position.Column})
	for {
		c, ok := r.src.at(p)
		if !ok || c != ' ' && c != '\t' {
			return p
		}
		p = r.src.next(p)
	}
}
