package pipeline

import (
	"fmt"
	"math/big"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/millrace/millrace/events"
)

// choicesAt returns the shape of the value at a path, with the values it can
// have where they can be listed. absent is true when it may not be there at all.
func (x *inspection) choicesAt(path []string) (s *shape, absent bool) {
	p, always := x.env.propertyAt(path)
	if p == nil {
		return nil, false
	}
	switch {
	case path[0] == "steps" && len(path) == 3 && path[2] == "state":
		return textShape(longToken, x.statesOf(path[1])...), false
	case path[0] == "job" && path[len(path)-1] == "pipeline" && x.name != "":
		return textShape(longToken, x.name), false
	case path[0] == "params" && !always && len(path) > 2:
		return &shape{typ: p.shape.typ}, true
	}
	return p.shape, !always
}

// statesOf returns the states in which the reader can find a step.
func (x *inspection) statesOf(id string) []string {
	var target *step
	for _, s := range x.steps {
		if s.id == id {
			target = s
		}
	}
	if target == nil || x.cyclic {
		return nil
	}
	states := []string{string(events.StepSucceeded)}
	runs := x.reader == nil || x.reader.runsWithout(target, map[*step]bool{})
	if target.when != nil || runs && target.mayLackNeeds() {
		states = append(states, string(events.StepSkipped))
	}
	if runs && !target.critical {
		states = append(states, string(events.StepFailed))
	}
	return states
}

// runsWithout reports whether s can run when target has no result.
func (s *step) runsWithout(target *step, seen map[*step]bool) bool {
	if len(s.needs) == 0 {
		return true
	}
	for _, n := range s.needs {
		if n.step == target || seen[n.step] {
			continue
		}
		seen[n.step] = true
		if n.step.runsWithout(target, seen) {
			return true
		}
	}
	return false
}

// mayLackNeeds reports whether a step may be skipped because others failed.
func (s *step) mayLackNeeds() bool {
	for _, up := range s.upstream {
		if !up.critical {
			return true
		}
	}
	return false
}

// comparisons complains about comparisons with what a value can never be.
func (x *inspection) comparisons(checked *cel.Ast) {
	a := checked.NativeRep()
	x.env.walk(a.Expr(), nil, func(e ast.Expr, vars bound) {
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
			return
		}
		op, left, right := e.AsCall().FunctionName(), e.AsCall().Args()[0], e.AsCall().Args()[1]
		if left.Kind() == ast.LiteralKind {
			flipped, ok := flip[op]
			if !ok {
				return
			}
			op, left, right = flipped, right, left
		}
		path, ok := x.env.path(left, vars)
		if !ok || len(path) < 2 {
			return
		}
		s, _ := x.choicesAt(path)
		if s == nil {
			return
		}
		if op == operators.In && right.Kind() == ast.ListKind {
			for _, item := range right.AsList().Elements() {
				x.compare(a, path, s, operators.Equals, item)
			}
			return
		}
		x.compare(a, path, s, op, right)
	})
}

// flip turns a comparison around.
var flip = map[string]string{
	operators.Equals: operators.Equals, operators.NotEquals: operators.NotEquals,
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

func (x *inspection) compare(a *ast.AST, path []string, s *shape, op string, literal ast.Expr) {
	if literal.Kind() != ast.LiteralKind || flip[op] == "" || s.mayBe(op, literal.AsLiteral()) {
		return
	}
	text := valueText(literal.AsLiteral())
	word := map[string]string{
		operators.Less: "less than ", operators.LessEquals: "at most ",
		operators.Greater: "more than ", operators.GreaterEquals: "at least ",
	}[op]
	x.complain(ruleNeverEqual, x.placeOfExpr(a, literal), x.choiceHint(s, literal.AsLiteral()),
		"%s: %s can never be %s%s", x.what, strings.Join(path, "."), word, text)
}

func (x *inspection) choiceHint(s *shape, literal ref.Val) string {
	var texts, names []string
	for _, c := range s.choices {
		texts = append(texts, valueText(c))
		if t, ok := c.(types.String); ok {
			names = append(names, string(t))
		}
	}
	if t, ok := literal.(types.String); ok {
		if hint := didYouMean(string(t), names); hint != "" {
			return hint
		}
	}
	if len(texts) > 0 {
		return "it is " + oneOf(texts)
	}
	return "it is " + s.rangeText()
}

// mayBe reports whether a value of the shape can stand in that relation to a
// literal. Unequal is taken as equal: both are pointless with what a value never is.
func (s *shape) mayBe(op string, literal ref.Val) bool {
	if s.choices != nil {
		for _, c := range s.choices {
			if holds(c, op, literal) {
				return true
			}
		}
		return false
	}
	l := ratOf(literal)
	if l == nil {
		return true
	}
	switch op {
	case operators.Less:
		return s.low == nil || s.low.Cmp(l) < 0
	case operators.LessEquals:
		return s.low == nil || s.low.Cmp(l) < 0 || s.low.Cmp(l) == 0 && !s.lowOpen
	case operators.Greater:
		return s.high == nil || s.high.Cmp(l) > 0
	case operators.GreaterEquals:
		return s.high == nil || s.high.Cmp(l) > 0 || s.high.Cmp(l) == 0 && !s.highOpen
	}
	return s.allowed(l)
}

func holds(c ref.Val, op string, literal ref.Val) bool {
	if op == operators.Equals || op == operators.NotEquals {
		return c.Equal(literal) == types.True
	}
	a, b := ratOf(c), ratOf(literal)
	if a == nil || b == nil {
		return true
	}
	sign := a.Cmp(b)
	switch op {
	case operators.Less:
		return sign < 0
	case operators.LessEquals:
		return sign <= 0
	case operators.Greater:
		return sign > 0
	}
	return sign >= 0
}

// ratOf returns a number exactly, nil for anything else.
func ratOf(v ref.Val) *big.Rat {
	switch v := v.(type) {
	case types.Int:
		return new(big.Rat).SetInt64(int64(v))
	case types.Uint:
		return new(big.Rat).SetUint64(uint64(v))
	case types.Double:
		return new(big.Rat).SetFloat64(float64(v))
	}
	return nil
}

func valueText(v ref.Val) string {
	if s, ok := v.(types.String); ok {
		return quote(string(s))
	}
	return fmt.Sprint(v.Value())
}

func (s *shape) rangeText() string {
	switch {
	case s.low != nil && s.high != nil:
		return "from " + ratText(s.low) + " to " + ratText(s.high)
	case s.low != nil:
		return "at least " + ratText(s.low)
	}
	return "at most " + ratText(s.high)
}

// absent warns of parameters that are read although they may not be there.
func (x *inspection) absent(checked *cel.Ast) {
	a := checked.NativeRep()
	asked, said := map[string]bool{}, map[string]bool{}
	params := func(e ast.Expr, vars bound) (string, bool) {
		if e.Kind() != ast.SelectKind {
			return "", false
		}
		path, ok := x.env.path(e, vars)
		if !ok || path[0] != "params" {
			return "", false
		}
		p, _ := x.env.propertyAt(path)
		return strings.Join(path, "."), p != nil && !p.always
	}
	x.env.walk(a.Expr(), nil, func(e ast.Expr, vars bound) {
		if name, ok := params(e, vars); ok && e.AsSelect().IsTestOnly() {
			asked[name] = true
		}
	})
	x.env.walk(a.Expr(), nil, func(e ast.Expr, vars bound) {
		name, ok := params(e, vars)
		if !ok || e.AsSelect().IsTestOnly() || asked[name] || said[name] {
			return
		}
		said[name] = true
		x.complain(ruleMayBeAbsent, x.placeOfExpr(a, e), "give it a default, or ask has("+name+") first",
			"%s reads %s, which a job may leave out", x.what, name)
	})
}
