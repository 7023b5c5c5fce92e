package pipeline

import (
	"encoding/json"
	"math/big"
	"slices"
	"sort"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// mostChoices bounds the ranges of whole numbers that are listed.
const mostChoices = 64

// paramsShape returns the shape of parameters. Without a schema there are none.
func paramsShape(s *jsonschema.Schema) *shape {
	if s == nil {
		return newRecord("<params>").shape()
	}
	out := schemaShape(s, "params")
	if out.record != nil || out.elem != nil {
		return out
	}
	return mapShape(dynShape(), maxValues)
}

// schemaShape returns the shape of the values that a schema allows. What it
// cannot know is dynamic.
func schemaShape(s *jsonschema.Schema, path string) *shape {
	if s == nil || s.Bool != nil {
		return dynShape()
	}
	if s.Ref != nil && s.Types == nil && s.Enum == nil && s.Const == nil && len(s.Properties) == 0 {
		return schemaShape(s.Ref, path)
	}
	values := listed(s)
	switch typeOf(s, values) {
	case "string":
		out := textShape(sizeOf(s.MaxLength, maxParams))
		out.choices = out.choicesOf(values)
		return out
	case "boolean":
		out := &shape{typ: cel.BoolType, choices: []refVal{types.False, types.True}}
		if values != nil {
			out.choices = out.choicesOf(values)
		}
		return out
	case "integer":
		return numberShape(s, cel.IntType, values)
	case "number":
		return numberShape(s, cel.DoubleType, values)
	case "array":
		elem := dynShape()
		if s.Items2020 != nil && len(s.PrefixItems) == 0 {
			elem = schemaShape(s.Items2020, path+"[]")
		}
		return listShape(elem, sizeOf(s.MaxItems, maxValues))
	case "object":
		return objectShape(s, path)
	}
	out := dynShape()
	out.choices = out.choicesOf(values)
	return out
}

// listed returns the values that enum or const allow, nil when there is neither.
func listed(s *jsonschema.Schema) []any {
	switch {
	case s.Const != nil:
		return []any{*s.Const}
	case s.Enum != nil:
		return s.Enum.Values
	}
	return nil
}

// typeOf returns the one JSON type of a schema's values, or "".
func typeOf(s *jsonschema.Schema, values []any) string {
	if s.Types != nil && !s.Types.IsEmpty() {
		if names := s.Types.ToStrings(); len(names) == 1 {
			return names[0]
		}
		return ""
	}
	found := ""
	for _, v := range values {
		name := ""
		switch v.(type) {
		case string:
			name = "string"
		case bool:
			name = "boolean"
		}
		if name == "" || found != "" && found != name {
			return ""
		}
		found = name
	}
	if found == "" && len(s.Properties) > 0 {
		return "object"
	}
	return found
}

// sizeOf returns the bound that a schema sets, or the one that holds for all
// parameters together.
func sizeOf(most *int, limit int) uint64 {
	if most == nil || *most < 0 || *most > limit {
		return uint64(limit)
	}
	return uint64(*most)
}

func numberShape(s *jsonschema.Schema, t *cel.Type, values []any) *shape {
	out := &shape{typ: t, low: s.Minimum, high: s.Maximum}
	if x := s.ExclusiveMinimum; x != nil && (out.low == nil || x.Cmp(out.low) >= 0) {
		out.low, out.lowOpen = x, true
	}
	if x := s.ExclusiveMaximum; x != nil && (out.high == nil || x.Cmp(out.high) <= 0) {
		out.high, out.highOpen = x, true
	}
	if values != nil {
		out.choices = out.choicesOf(values)
		return out
	}
	if t != cel.IntType || out.low == nil || out.high == nil {
		return out
	}
	span := new(big.Rat).Sub(out.high, out.low)
	if span.Cmp(big.NewRat(mostChoices, 1)) > 0 || !out.low.IsInt() {
		return out
	}
	for r := new(big.Rat).Set(out.low); r.Cmp(out.high) <= 0; r.Add(r, big.NewRat(1, 1)) {
		if out.allowed(r) {
			out.choices = append(out.choices, out.number(json.Number(r.Num().String())))
		}
	}
	return out
}

// objectShape returns a record when the properties are declared, and a map
// otherwise. Misspelt properties of a record are errors of the file, unless the
// schema says that there may be others.
func objectShape(s *jsonschema.Schema, path string) *shape {
	extra, _ := s.AdditionalProperties.(*jsonschema.Schema)
	allowed, said := s.AdditionalProperties.(bool)
	if len(s.Properties) == 0 && (!said || allowed) {
		return mapShape(schemaShape(extra, path+"{}"), sizeOf(s.MaxProperties, maxValues))
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	fields := make([]property, 0, len(names))
	for _, name := range names {
		p := s.Properties[name]
		fields = append(fields, property{
			name:   name,
			shape:  schemaShape(p, path+"."+name),
			always: slices.Contains(s.Required, name) || defaultOf(p) != nil,
			get: func(source any) (any, bool) {
				object, _ := source.(map[string]any)
				v, ok := object[name]
				return v, ok
			},
		})
	}
	r := newRecord("<"+strings.ReplaceAll(path, " ", "_")+">", fields...)
	r.open = extra != nil || said && allowed || len(s.PatternProperties) > 0
	return r.shape()
}
