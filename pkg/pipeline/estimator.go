package pipeline

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
)

// estimator knows how long the things get that an expression reads.
type estimator struct {
	env     *environment
	checked *cel.Ast
}

// EstimateSize returns the size that the shape of a value allows.
func (m estimator) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	s := m.shapeAt(n.Path())
	if s == nil {
		s = m.shapeOf(n.Expr())
	}
	if s == nil {
		return nil
	}
	return &cost.SizeEstimate{Max: max(s.size, 1)}
}

// shapeAt follows a path of fields, items, keys and values from a root.
func (m estimator) shapeAt(path []string) *shape {
	if len(path) == 0 {
		return nil
	}
	s := m.env.roots[path[0]]
	for _, name := range path[1:] {
		switch {
		case s == nil:
			return nil
		case s.typ.IsExactType(cel.DynType):
		case name == "@keys":
			s = textShape(longName)
		case s.record != nil:
			s = s.record.fieldShape(name)
		default:
			s = s.elem
		}
	}
	return s
}

// shapeOf returns the shape of a field of a record that has no path, such as one
// of a list that was filtered.
func (m estimator) shapeOf(e ast.Expr) *shape {
	if e == nil || e.Kind() != ast.SelectKind {
		return nil
	}
	owner := m.checked.NativeRep().GetType(e.AsSelect().Operand().ID())
	if r := m.env.records[owner.TypeName()]; r != nil {
		return r.fieldShape(e.AsSelect().FieldName())
	}
	return nil
}

// EstimateCallCost leaves calls to the language.
func (m estimator) EstimateCallCost(
	string, string, *cost.AstNode, []cost.AstNode,
) *cost.CallEstimate {
	return nil
}
