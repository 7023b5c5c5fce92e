package pipeline

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/millrace/millrace/pkg/flow"
)

// condition is a compiled `when`.
type condition struct{ expr *expression }

// condition compiles `when` of a step. It returns nil when there is none or it
// is not usable.
func (c *checker) condition(s *step, env *environment) *condition {
	n := s.when
	if n == nil {
		return nil
	}
	text := n.text
	switch n.kind {
	case kindText:
	case kindBool:
		text = n.raw
	default:
		c.complain(ruleWhenBool, n.at, "", "%s is an expression, not %s", s.section.label("when"), n.kind)
		return nil
	}
	if hasExpression(text) {
		c.complain(ruleWhenBraces, n.at, bareHint(text), "%s is an expression by itself",
			s.section.label("when"))
		return nil
	}
	when := snippet{text: text, places: c.src.places(n), what: s.section.label("when")}
	expr := c.compile(when, env, s)
	if expr == nil {
		return nil
	}
	if t := expr.checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		c.complain(ruleWhenBool, expr.start(), "compare it with something",
			"%s is not true or false but %s", expr.what, t)
		return nil
	}
	x := &inspection{checker: c, snippet: expr.snippet, env: env, reader: s}
	x.feasible(expr.checked)
	return &condition{expr}
}

// bareHint takes the braces off.
func bareHint(text string) string {
	parts, unclosed := segments(text)
	if unclosed >= 0 || len(parts) != 1 {
		return "write it without ${{ }}"
	}
	return "write " + oneLine(strings.TrimSpace(parts[0].text))
}

// Eval reports whether the step runs. Fault: pipeline.expression_failed.
func (c *condition) Eval(f flow.Facts) (bool, error) {
	v, err := c.expr.value(f)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, c.expr.failed(fmt.Errorf("the value is not true or false but %s",
			v.Type().TypeName()))
	}
	return bool(b), nil
}
