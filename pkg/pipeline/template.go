package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// maxConfig bounds a resolved configuration, in bytes: it travels in a message.
const maxConfig = 256 << 10

// template is a compiled `with`: JSON with holes.
type template struct {
	what  string
	parts []part
}

// part is a piece of JSON as it stands, or what fills a hole.
type part struct {
	literal []byte
	// fill are the pieces of one string. A single expression gives its value,
	// more pieces give a string.
	fill []piece
}

// piece is text or an expression.
type piece struct {
	text string
	expr *expression
}

// template compiles `with` of a step. It returns nil when there is none.
func (c *checker) template(s *step, env *environment) *template {
	if s.with == nil || s.with.kind != kindObject {
		return nil
	}
	b := &templateBuilder{checker: c, env: env, step: s, out: &template{what: s.section.label("with")}}
	b.node(s.with, "with")
	b.flush()
	return b.out
}

type templateBuilder struct {
	*checker
	env  *environment
	step *step
	out  *template
	json []byte
}

func (b *templateBuilder) flush() {
	if len(b.json) > 0 {
		b.out.parts = append(b.out.parts, part{literal: b.json})
		b.json = nil
	}
}

func (b *templateBuilder) node(n *node, path string) {
	switch n.kind {
	case kindObject:
		b.json = append(b.json, '{')
		for i, f := range n.fields {
			if i > 0 {
				b.json = append(b.json, ',')
			}
			if hasExpression(f.name) {
				b.complain(ruleKeyExpression, f.at, "put the expression into the value",
					"the key %s has an expression", quote(f.name))
			}
			b.json = append(appendText(b.json, f.name), ':')
			b.node(f.value, path+"."+f.name)
		}
		b.json = append(b.json, '}')
	case kindList:
		b.json = append(b.json, '[')
		for i, item := range n.items {
			if i > 0 {
				b.json = append(b.json, ',')
			}
			b.node(item, fmt.Sprintf("%s[%d]", path, i))
		}
		b.json = append(b.json, ']')
	case kindText:
		b.text(n, path)
	default:
		b.json = appendNode(b.json, n)
	}
}

// text compiles one string.
func (b *templateBuilder) text(n *node, path string) {
	parts, unclosed := segments(n.text)
	var places []position
	if hasExpression(n.text) {
		places = b.src.places(n)
	}
	if unclosed >= 0 {
		b.complain(ruleExprUnclosed, places[unclosed],
			"end it with }}, or write $${{ for the text itself",
			"%s of %s has ${{ without }}", path, b.step.section.what)
	}
	var fill []piece
	var literal strings.Builder
	found := false
	for _, p := range parts {
		if !p.expr {
			literal.WriteString(p.text)
			fill = append(fill, piece{text: p.text})
			continue
		}
		found = true
		fill = append(fill, piece{expr: b.compile(snippet{
			text:   p.text,
			places: places[p.offset:],
			what:   path + " of " + b.step.section.what,
		}, b.env, b.step)})
	}
	if !found {
		b.json = appendText(b.json, literal.String())
		return
	}
	b.flush()
	b.out.parts = append(b.out.parts, part{fill: fill})
}

// Resolve fills the holes. Fault: pipeline.expression_failed.
func (t *template) Resolve(f flow.Facts) (json.RawMessage, error) {
	var out bytes.Buffer
	for i := range t.parts {
		p := &t.parts[i]
		if p.fill == nil {
			out.Write(p.literal)
		} else if err := p.write(&out, f); err != nil {
			return nil, err
		}
		if out.Len() > maxConfig {
			detail := fmt.Sprintf("%s is longer than %d bytes", t.what, maxConfig)
			return nil, fault.New(fault.PipelineExpressionFailed, detail, nil)
		}
	}
	return out.Bytes(), nil
}

// write writes the JSON that fills a hole.
func (p *part) write(out *bytes.Buffer, f flow.Facts) error {
	if len(p.fill) == 1 {
		value, err := p.fill[0].expr.asJSON(f)
		out.Write(value)
		return err
	}
	var text strings.Builder
	for _, piece := range p.fill {
		if piece.expr == nil {
			text.WriteString(piece.text)
			continue
		}
		s, err := piece.expr.asText(f)
		if err != nil {
			return err
		}
		text.WriteString(s)
	}
	out.Write(appendText(nil, text.String()))
	return nil
}

// asJSON evaluates an expression as JSON.
func (x *expression) asJSON(f flow.Facts) ([]byte, error) {
	v, err := x.value(f)
	if err != nil {
		return nil, err
	}
	out, err := jsonOf(v)
	if err != nil {
		return nil, x.failed(err)
	}
	return out, nil
}

// asText evaluates an expression as text: a string as it is, anything else as JSON.
func (x *expression) asText(f flow.Facts) (string, error) {
	v, err := x.value(f)
	if err != nil {
		return "", err
	}
	if s, ok := v.(types.String); ok {
		return string(s), nil
	}
	out, err := jsonOf(v)
	if err != nil {
		return "", x.failed(err)
	}
	return string(out), nil
}
