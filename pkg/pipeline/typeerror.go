package pipeline

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// spot is a part of an expression with what is in scope there.
type spot struct {
	expr ast.Expr
	vars bound
}

// types reports what the compiler says about names and types, in our words where
// we know better.
func (x *inspection) types(parsed *cel.Ast, issues *cel.Issues) {
	a := parsed.NativeRep()
	spots := map[int64]spot{}
	x.env.walk(a.Expr(), nil, func(e ast.Expr, vars bound) { spots[e.ID()] = spot{e, vars} })
	if x.dashed(a, issues, spots) {
		return
	}
	for _, e := range issues.Errors() {
		s, ok := spots[e.ExprID]
		if !ok {
			x.complain(ruleExprType, x.placeOf(e.Location), "", "%s: %s", x.what, oneLine(e.Message))
			continue
		}
		at := x.placeOfExpr(a, s.expr)
		switch s.expr.Kind() {
		case ast.IdentKind:
			x.unknownName(s.expr.AsIdent(), at)
		case ast.SelectKind:
			x.badSelect(s, at, e.Message)
		case ast.CallKind:
			x.badCall(s, at, e.Message)
		default:
			x.complain(ruleExprType, at, "", "%s: %s", x.what, oneLine(e.Message))
		}
	}
}

func (x *inspection) unknownName(name string, at position) {
	x.complain(ruleExprName, at, x.nameHint(name), "%s reads %s, which there is not", x.what, name)
}

// nameHint suggests a root, or the root that has a field of that name.
func (x *inspection) nameHint(name string) string {
	var roots []string
	for root := range x.env.roots {
		roots = append(roots, root)
	}
	slices.Sort(roots)
	if near := nearest(name, roots); near != "" {
		return "did you mean " + near + "?"
	}
	for _, root := range roots {
		if r := x.env.roots[root].record; r != nil && r.field(name) != nil {
			return "did you mean " + root + "." + escaped(name) + "?"
		}
	}
	if name == "files" {
		return "an output has no inputs; read steps.x.files"
	}
	return "there is " + strings.Join(roots, ", ") + "; text stands in quotes"
}

func (x *inspection) badSelect(s spot, at position, message string) {
	sel := s.expr.AsSelect()
	operand := x.env.shapeOf(sel.Operand(), s.vars)
	if operand != nil && operand.record == nil {
		x.complain(ruleExprType, at, "", "%s: %s", x.what, oneLine(message))
		return
	}
	owner, fields := "the value", fileRecord.names()
	if operand != nil {
		fields = operand.record.names()
		owner = strings.Trim(operand.record.name, "<>")
		if path, ok := x.env.path(sel.Operand(), s.vars); ok {
			owner = strings.Join(path, ".")
		}
		if operand.record.name == "<steps>" {
			fields = x.readable()
		}
	}
	x.complain(ruleExprField, at, x.fieldHint(sel.FieldName(), owner, fields),
		"%s: %s has no field %s", x.what, owner, sel.FieldName())
}

func (x *inspection) fieldHint(name, owner string, fields []string) string {
	if near := nearest(name, fields); near != "" {
		return "did you mean " + escaped(near) + "?"
	}
	switch {
	case len(fields) > 0:
		return "it has " + oneOf(fields)
	case owner == "params":
		return "declare it in spec.params"
	case owner == "steps":
		return "no step is upstream"
	}
	return ""
}

// readable returns the steps that the expression may read.
func (x *inspection) readable() []string {
	if x.reader == nil {
		return x.env.roots["steps"].record.names()
	}
	var ids []string
	for _, s := range x.reader.upstream {
		ids = append(ids, s.id)
	}
	return ids
}

func (x *inspection) badCall(s spot, at position, message string) {
	name := s.expr.AsCall().FunctionName()
	if isName(name) && !x.env.cel.HasFunction(name) {
		hint := didYouMean(name, x.functions())
		if contains(noClock, name) ||
			contains([]string{"now", "today", "date", "time", "uuid", "random", "rand"}, name) {
			hint = "expressions have no clock and no chance"
		}
		x.complain(ruleExprName, at, hint, "%s calls %s, which there is not", x.what, name)
		return
	}
	x.complain(ruleExprType, at, x.typeAdvice(s), "%s: %s", x.what, operandText(message))
}

func (x *inspection) functions() []string {
	var names []string
	for name := range x.env.cel.Functions() {
		if isName(name) {
			names = append(names, name)
		}
	}
	return names
}

// operandText writes the compiler's sentence about operators as one would read it.
func operandText(message string) string {
	rest, ok := strings.CutPrefix(message, "found no matching overload for '")
	name, operands, found := strings.Cut(rest, "' applied to '")
	if !ok || !found {
		return oneLine(message)
	}
	name = strings.NewReplacer("_?_:_", "? :", "_[_]", "[ ]", "@in", "in", "_", "").Replace(name)
	operands = strings.ReplaceAll(strings.TrimSuffix(operands, "'"), "!error!", "?")
	return oneLine(name + " does not take " + operands)
}

// typeAdvice explains that a whole number is not compared with a broken one.
func (x *inspection) typeAdvice(s spot) string {
	args := s.expr.AsCall().Args()
	if len(args) != 2 {
		return ""
	}
	for i, arg := range args {
		other := x.env.shapeOf(args[1-i], s.vars)
		if other == nil || arg.Kind() != ast.LiteralKind {
			continue
		}
		if _, whole := arg.AsLiteral().(types.Int); whole && other.typ.IsExactType(cel.DoubleType) {
			return "write " + valueText(arg.AsLiteral()) + ".0"
		}
	}
	return ""
}

// dashed finds a name with a dash that was taken for a subtraction. It reports
// the first and nothing else, as the rest follows from it.
func (x *inspection) dashed(a *ast.AST, issues *cel.Issues, spots map[int64]spot) bool {
	for _, e := range issues.Errors() {
		s, ok := spots[e.ExprID]
		if !ok || s.expr.Kind() != ast.SelectKind {
			continue
		}
		sel := s.expr.AsSelect()
		operand := x.env.shapeOf(sel.Operand(), s.vars)
		if operand == nil || operand.record == nil {
			continue
		}
		for _, name := range operand.record.names() {
			if strings.HasPrefix(name, sel.FieldName()+"-") && strings.Contains(x.text, "."+name) {
				x.complain(ruleExprField, x.placeOfExpr(a, s.expr), "write ."+escaped(name),
					"%s: a name with a dash stands in back quotes", x.what)
				return true
			}
		}
	}
	return false
}

// escaped writes a field name as expressions need it.
func escaped(name string) string {
	for _, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return "`" + name + "`"
		}
	}
	if name == "in" || name != "" && name[0] >= '0' && name[0] <= '9' {
		return "`" + name + "`"
	}
	return name
}
