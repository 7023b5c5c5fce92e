package pipeline

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// snippet is the text of an expression in the file.
type snippet struct {
	text string
	// places are where its characters stand, and one more for its end.
	places []position
	// what names it in messages: "when of step pack".
	what string
}

// at returns the place of a character.
func (s snippet) at(offset int) position {
	return s.places[min(max(offset, 0), len(s.places)-1)]
}

// start returns the place of the first character that is not white space.
func (s snippet) start() position {
	trimmed := strings.TrimLeft(s.text, " \t\n")
	return s.at(utf8.RuneCountInString(s.text) - utf8.RuneCountInString(trimmed))
}

// expression is a compiled expression. It may be used by several goroutines.
type expression struct {
	snippet
	env     *environment
	checked *cel.Ast
	program cel.Program
}

// compile checks an expression and makes it ready to run. reader is the step
// that it belongs to, nil for an output. It returns nil after complaining.
func (c *checker) compile(s snippet, env *environment, reader *step) *expression {
	if c.count++; c.count > maxExpressions {
		if c.count == maxExpressions+1 {
			c.complain(ruleBounds, s.at(0), "split the work over several pipelines",
				"the file has more than %d expressions", maxExpressions)
		}
		return nil
	}
	if !c.size(s) {
		return nil
	}
	x := &inspection{checker: c, snippet: s, env: env, reader: reader}
	parsed, issues := env.cel.Parse(s.text)
	if issues.Err() != nil {
		x.syntax(issues)
		return nil
	}
	if !x.length(parsed) {
		return nil
	}
	before := len(c.found)
	x.upstream(parsed)
	checked, issues := env.cel.Check(parsed)
	if issues.Err() != nil {
		x.types(parsed, issues)
		return nil
	}
	x.cost(checked)
	x.comparisons(checked)
	x.absent(checked)
	if hasErrors(c.found[before:]) {
		return nil
	}
	program, err := env.program(checked, maxCost, cel.OptOptimize)
	if err != nil {
		c.complain(ruleExprType, s.start(), "", "%s cannot be prepared: %s", s.what, oneLine(err.Error()))
		return nil
	}
	return &expression{snippet: s, env: env, checked: checked, program: program}
}

// size complains about an empty or overlong expression.
func (c *checker) size(s snippet) bool {
	if strings.TrimSpace(s.text) == "" {
		c.complain(ruleExprUnclosed, s.at(0), "write an expression, or remove it", "%s is empty", s.what)
		return false
	}
	if n := utf8.RuneCountInString(s.text); n > maxExpression {
		c.complain(ruleExprLong, s.start(), "", "%s has %d characters, more than %d", s.what, n,
			maxExpression)
		return false
	}
	return true
}

// value evaluates the expression.
func (x *expression) value(f flow.Facts) (ref.Val, error) {
	out, _, err := x.program.Eval(&facts{Facts: f, env: x.env})
	if err == nil {
		if failed, ok := out.(*types.Err); ok {
			err = failed
		}
	}
	if err != nil {
		return nil, x.failed(err)
	}
	return out, nil
}

// failed is the fault of an evaluation, which names the expression.
func (x *expression) failed(cause error) error {
	text := fault.Clip(strings.TrimSpace(x.text), 200)
	return fault.New(fault.PipelineExpressionFailed,
		fmt.Sprintf("%s, line %d, %s", x.what, x.start().line, text), cause)
}

// oneLine makes text of a library fit for a message.
func oneLine(text string) string { return fault.Clip(text, 300) }
