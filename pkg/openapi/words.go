package openapi

import (
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// nameOfSchema names the schema of a type. Where packages api and events have a type
// of the same name, that of events is a part of the other.
func nameOfSchema(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if strings.HasPrefix(nameOf(t), "events.") && texts["api."+name] != "" {
		return name + "Body"
	}
	return name
}

// nameOf is how the Go source names a type: "api.Job".
func nameOf(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return path.Base(t.PkgPath()) + "." + t.Name()
}

// explain puts into the schema of a struct what its source says: comments, the words
// of enums, and that no list is null.
func explain(s *huma.Schema, t reflect.Type) {
	s.Description = texts[nameOf(t)]
	for f := range fields(t) {
		name, _, _ := strings.Cut(f.field.Tag.Get("json"), ",")
		member := s.Properties[name]
		if member == nil {
			continue
		}
		member.Description = texts[nameOf(f.owner)+"."+name]
		spell(member, f.field.Type)
	}
}

// spell completes a schema below a member.
func spell(s *huma.Schema, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	more, _ := s.AdditionalProperties.(*huma.Schema)
	switch {
	case s.Type == huma.TypeArray:
		s.Nullable = false
		spell(s.Items, t.Elem())
	case more != nil:
		spell(more, t.Elem())
	case s.Type == huma.TypeString && s.Enum == nil:
		for _, word := range enums[nameOf(t)] {
			s.Enum = append(s.Enum, word)
		}
	}
}

// member is a field and the struct that declares it.
type member struct {
	owner reflect.Type
	field reflect.StructField
}

// fields lists those of a struct that JSON has, also of structs inside it.
func fields(t reflect.Type) func(func(member) bool) {
	return func(yield func(member) bool) {
		for _, f := range reflect.VisibleFields(t) {
			owner := t
			for _, i := range f.Index[:len(f.Index)-1] {
				owner = owner.Field(i).Type
			}
			if !f.Anonymous && !yield(member{owner, f}) {
				return
			}
		}
	}
}
