package pipeline

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// node converts what the parser made.
func (r *reader) node(n ast.Node, depth int) *node {
	if depth > maxDepth {
		at := r.start(n)
		r.complain(ruleDepth, at, "", "values are nested more than %d deep", maxDepth)
		return &node{at: at}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.object(r.start(n), n.Values, depth)
	case *ast.MappingValueNode:
		return r.object(r.start(n), []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		list := &node{kind: kindList, at: r.start(n)}
		for _, item := range n.Values {
			list.items = append(list.items, r.node(item, depth+1))
		}
		return list
	case *ast.LiteralNode:
		return &node{kind: kindText, at: r.place(n.Start), style: styleBlock, text: n.Value.Value}
	}
	return r.scalar(n)
}

func (r *reader) object(at position, values []*ast.MappingValueNode, depth int) *node {
	object := &node{kind: kindObject, at: at}
	first := make(map[string]position, len(values))
	for _, v := range values {
		key := r.scalar(v.Key)
		name := key.text
		if key.kind != kindText {
			r.complain(ruleKey, key.at, "put it in quotes if it is meant as a name",
				"the key %s is not a string", key.raw)
			name = key.raw
		}
		if old, ok := first[name]; ok {
			r.complain(ruleRepeatedKey, key.at, "", "the key %s stands already in line %d", quote(name),
				old.line)
			continue
		}
		first[name] = key.at
		value := r.node(v.Value, depth+1)
		if value.kind == kindNull && value.raw == "" {
			value.at = key.at
		}
		object.fields = append(object.fields, field{name: name, at: key.at, value: value})
	}
	return object
}

// scalar converts strings and plain scalars. Anything else was refused before.
func (r *reader) scalar(n ast.Node) *node {
	if n == nil || n.GetToken() == nil {
		return &node{at: position{1, 1}}
	}
	t := n.GetToken()
	at := r.place(t)
	switch t.Type {
	case token.SingleQuoteType:
		return &node{kind: kindText, at: at, style: styleSingle, text: t.Value}
	case token.DoubleQuoteType:
		return &node{kind: kindText, at: at, style: styleDouble, text: t.Value}
	case token.ImplicitNullType:
		return &node{at: at}
	}
	value, bad := plainScalar(t.Value, at)
	r.add(bad)
	return value
}

// start returns where a value begins. The parser names the first colon of a
// block mapping and not its first key.
func (r *reader) start(n ast.Node) position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if n.IsFlowStyle || len(n.Values) == 0 {
			return r.place(n.Start)
		}
		return r.start(n.Values[0].Key)
	case *ast.MappingValueNode:
		return r.start(n.Key)
	}
	if t := n.GetToken(); t != nil {
		return r.place(t)
	}
	return position{1, 1}
}
