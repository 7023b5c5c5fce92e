package pipeline

import (
	"encoding/json"
	"math/big"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// shape is what expressions know of a value: its type, and what bounds it.
type shape struct {
	typ *cel.Type
	// elem is the shape of the items of a list or the values of a map.
	elem *shape
	// record is set for objects with declared fields.
	record *record
	// choices are all the values there can be. Nil means that there are more
	// than can be listed.
	choices []ref.Val
	// low and high bound a number; the flags say that the bound itself is out.
	low, high         *big.Rat
	lowOpen, highOpen bool
	// size is the greatest length of a string, list or map, for the cost.
	size uint64
}

// record is an object type with declared fields.
type record struct {
	name   string
	fields []property
	index  map[string]int
	// open is true when there may be other fields.
	open bool
}

// property is a field of a record.
type property struct {
	name  string
	shape *shape
	// always is true when the field is there in every value.
	always bool
	// get reads the field from the Go value that a record stands for.
	get func(source any) (value any, ok bool)
}

func newRecord(name string, fields ...property) *record {
	r := &record{name: name, fields: fields, index: make(map[string]int, len(fields))}
	for i := range fields {
		r.index[fields[i].name] = i
	}
	return r
}

// field returns a declared field, or nil.
func (r *record) field(name string) *property {
	if i, ok := r.index[name]; ok {
		return &r.fields[i]
	}
	return nil
}

// fieldShape returns the shape of a field, declared or not.
func (r *record) fieldShape(name string) *shape {
	if p := r.field(name); p != nil {
		return p.shape
	}
	return dynShape()
}

// names returns the names of the fields.
func (r *record) names() []string {
	out := make([]string, len(r.fields))
	for i := range r.fields {
		out[i] = r.fields[i].name
	}
	return out
}

// shape returns the shape of values of the record.
func (r *record) shape() *shape {
	return &shape{typ: cel.ObjectType(r.name), record: r}
}

func textShape(longest uint64, choices ...string) *shape {
	s := &shape{typ: cel.StringType, size: longest}
	for _, c := range choices {
		s.choices = append(s.choices, types.String(c))
	}
	return s
}

func listShape(elem *shape, longest uint64) *shape {
	return &shape{typ: cel.ListType(elem.typ), elem: elem, size: longest}
}

func mapShape(elem *shape, longest uint64) *shape {
	return &shape{typ: cel.MapType(cel.StringType, elem.typ), elem: elem, size: longest}
}

func intShape() *shape { return &shape{typ: cel.IntType} }

func dynShape() *shape { return &shape{typ: cel.DynType, size: maxParams} }

// allowed reports whether a number lies within the bounds of the shape.
func (s *shape) allowed(r *big.Rat) bool {
	if s.low != nil {
		if c := r.Cmp(s.low); c < 0 || c == 0 && s.lowOpen {
			return false
		}
	}
	if s.high != nil {
		if c := r.Cmp(s.high); c > 0 || c == 0 && s.highOpen {
			return false
		}
	}
	return true
}

// records collects the record types inside a shape, by name.
func (s *shape) records(into map[string]*record) {
	if s == nil {
		return
	}
	s.elem.records(into)
	if s.record == nil || into[s.record.name] != nil {
		return
	}
	into[s.record.name] = s.record
	for i := range s.record.fields {
		s.record.fields[i].shape.records(into)
	}
}

// wrap turns a JSON value into a value for expressions.
func (s *shape) wrap(v any) ref.Val {
	switch v := v.(type) {
	case map[string]any:
		if s.record != nil {
			return &object{record: s.record, source: v}
		}
		if s.elem != nil {
			return wrapMap(v, s.elem)
		}
	case []any:
		if s.elem != nil {
			return wrapList(v, s.elem)
		}
	case json.Number:
		return s.number(v)
	}
	return dynamic(v)
}

// number reads a number as the type that the schema declares.
func (s *shape) number(n json.Number) ref.Val {
	if s.typ.IsExactType(cel.DoubleType) {
		f, err := n.Float64()
		if err != nil {
			return types.NewErr("the number %s is too large", n)
		}
		return types.Double(f)
	}
	if s.typ.IsExactType(cel.IntType) {
		r, ok := new(big.Rat).SetString(n.String())
		if !ok || !r.IsInt() || !r.Num().IsInt64() {
			return types.NewErr("the number %s is not a whole number of 64 bits", n)
		}
		return types.Int(r.Num().Int64())
	}
	return dynamic(n)
}

// wrapList and wrapMap wrap what is inside, too.
func wrapList(list []any, elem *shape) ref.Val {
	out := make([]ref.Val, len(list))
	for i, item := range list {
		out[i] = elem.wrap(item)
	}
	return types.NewRefValList(adapter{}, out)
}

func wrapMap(object map[string]any, elem *shape) ref.Val {
	out := make(map[string]ref.Val, len(object))
	for name, item := range object {
		out[name] = elem.wrap(item)
	}
	return sortedTextMap(out)
}

// choicesOf turns listed JSON values into values for expressions. It returns nil
// when one of them is no scalar.
func (s *shape) choicesOf(values []any) []ref.Val {
	var out []ref.Val
	for _, v := range values {
		switch v.(type) {
		case string, bool, json.Number, nil:
			out = append(out, s.wrap(v))
		default:
			return nil
		}
	}
	return slices.Clip(out)
}
