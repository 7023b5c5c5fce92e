package pipeline

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// bound are the shapes of the loop variables in scope. A nil shape hides a name
// without saying what it is.
type bound map[string]*shape

// walk visits an expression and all its parts, the outer first.
func (e *environment) walk(x ast.Expr, vars bound, visit func(ast.Expr, bound)) {
	if x == nil {
		return
	}
	visit(x, vars)
	switch x.Kind() {
	case ast.SelectKind:
		e.walk(x.AsSelect().Operand(), vars, visit)
	case ast.CallKind:
		call := x.AsCall()
		if call.IsMemberFunction() {
			e.walk(call.Target(), vars, visit)
		}
		for _, arg := range call.Args() {
			e.walk(arg, vars, visit)
		}
	case ast.ListKind:
		for _, item := range x.AsList().Elements() {
			e.walk(item, vars, visit)
		}
	case ast.MapKind:
		for _, entry := range x.AsMap().Entries() {
			e.walk(entry.AsMapEntry().Key(), vars, visit)
			e.walk(entry.AsMapEntry().Value(), vars, visit)
		}
	case ast.StructKind:
		for _, entry := range x.AsStruct().Fields() {
			e.walk(entry.AsStructField().Value(), vars, visit)
		}
	case ast.ComprehensionKind:
		e.walkLoop(x.AsComprehension(), vars, visit)
	}
}

func (e *environment) walkLoop(loop ast.ComprehensionExpr, vars bound,
	visit func(ast.Expr, bound),
) {
	e.walk(loop.IterRange(), vars, visit)
	e.walk(loop.AccuInit(), vars, visit)
	inner := bound{loop.AccuVar(): nil}
	for name, s := range vars {
		inner[name] = s
	}
	inner[loop.IterVar()] = nil
	if over := e.shapeOf(loop.IterRange(), vars); over != nil && over.elem != nil {
		inner[loop.IterVar()] = over.elem
		if strings.HasPrefix(over.typ.String(), "map") {
			inner[loop.IterVar()] = textShape(longName)
		}
	}
	e.walk(loop.LoopCondition(), inner, visit)
	e.walk(loop.LoopStep(), inner, visit)
	e.walk(loop.Result(), inner, visit)
}

// shapeOf returns the shape of an expression's value, nil when it is not known.
func (e *environment) shapeOf(x ast.Expr, vars bound) *shape {
	switch x.Kind() {
	case ast.IdentKind:
		if s, ok := vars[x.AsIdent()]; ok {
			return s
		}
		return e.roots[x.AsIdent()]
	case ast.SelectKind:
		operand := e.shapeOf(x.AsSelect().Operand(), vars)
		switch {
		case operand == nil:
			return nil
		case operand.record != nil:
			if p := operand.record.field(x.AsSelect().FieldName()); p != nil {
				return p.shape
			}
		default:
			return operand.elem
		}
	case ast.CallKind:
		call := x.AsCall()
		if call.FunctionName() == operators.Index {
			if operand := e.shapeOf(call.Args()[0], vars); operand != nil {
				return operand.elem
			}
		}
	}
	return nil
}

// path returns the root and the fields of a chain such as params.address.city.
func (e *environment) path(x ast.Expr, vars bound) ([]string, bool) {
	switch x.Kind() {
	case ast.IdentKind:
		name := x.AsIdent()
		if _, hidden := vars[name]; hidden || e.roots[name] == nil {
			return nil, false
		}
		return []string{name}, true
	case ast.SelectKind:
		path, ok := e.path(x.AsSelect().Operand(), vars)
		return append(path, x.AsSelect().FieldName()), ok
	}
	return nil, false
}

// propertyAt returns the property that a path leads to, when every part of the
// path is declared. always is true when all of them are there in every job.
func (e *environment) propertyAt(path []string) (p *property, always bool) {
	s := e.roots[path[0]]
	always = true
	for _, name := range path[1:] {
		if s == nil || s.record == nil {
			return nil, false
		}
		if p = s.record.field(name); p == nil {
			return nil, false
		}
		always = always && p.always
		s = p.shape
	}
	return p, always
}
