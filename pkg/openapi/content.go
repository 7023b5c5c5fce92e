package openapi

import (
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// Content is a body of one media type.
type Content struct {
	mediaType string
	schema    func(huma.Registry) *huma.Schema
}

// JSON is the JSON of a type of package api or events.
func JSON[T any]() Content {
	return Content{events.ContentTypeJSON, func(r huma.Registry) *huma.Schema {
		return r.Schema(reflect.TypeFor[T](), true, "")
	}}
}

// As is the same body under another media type.
func (c Content) As(mediaType string) Content {
	c.mediaType = mediaType
	return c
}

// Members is the JSON of a type of which only some members are taken, in a place that
// takes no others.
func Members[T any](names ...string) Content {
	return Content{events.ContentTypeJSON, func(r huma.Registry) *huma.Schema {
		part := *r.Schema(reflect.TypeFor[T](), false, "")
		all := part.Properties
		part.Properties = make(map[string]*huma.Schema)
		for _, name := range names {
			part.Properties[name] = all[name]
		}
		part.Required = slices.DeleteFunc(slices.Clone(part.Required), func(name string) bool {
			return !slices.Contains(names, name)
		})
		return &part
	}}
}

// Bytes is a body that may be anything.
func Bytes(description string) Content {
	return Content{api.ContentTypeBytes, func(huma.Registry) *huma.Schema {
		return &huma.Schema{Description: description}
	}}
}

// Plain is a text of a media type.
func Plain(mediaType, description string) Content {
	return Content{mediaType, func(huma.Registry) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: description}
	}}
}

// Text is any text.
func Text() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

// Token is a name as subjects hold it.
func Token() *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[a-z0-9_-]{1,64}$"}
}

// Truth is true or false.
func Truth() *huma.Schema { return &huma.Schema{Type: huma.TypeBoolean} }

// Count is a whole number within bounds.
func Count(least, most float64) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most}
}

// Time is a time as in RFC 3339.
func Time() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "date-time"} }

// Word is one of the words.
func Word[T ~string](words ...T) *huma.Schema {
	s := Text()
	for _, w := range words {
		s.Enum = append(s.Enum, string(w))
	}
	return s
}

// Many is for parameters that may be given several times.
func Many(of *huma.Schema) *huma.Schema { return &huma.Schema{Type: huma.TypeArray, Items: of} }

// Named is for parameters with a prefix and a name of the client's: label.NAME.
func Named(prefix string) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: Text(),
		Extensions: map[string]any{"propertyNames": map[string]any{"pattern": `^` + prefix + `\.`}},
	}
}
