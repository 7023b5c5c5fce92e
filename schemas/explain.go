package schemas

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Two annotations of our own steer what is said of a violation.
//
// x-fault is the code: a string for everything at or below the schema that has
// it, or an object from keyword to code, where "*" stands for everything and the
// others speak of that schema alone. The nearest one wins.
//
// x-detail is the text: a string for the schema that has it, or an object from
// keyword to text.

// rootCode is the code for a message that is no JSON, or not of the schema's type.
func (r *registry) rootCode(name string) fault.Code {
	if _, err := r.schema(name); err != nil {
		return fault.InternalBug
	}
	return r.code(events.DataSchema(name)+"#", "", fault.BusUndecodable)
}

// explain turns a tree of violations into a list of complaints.
func (r *registry) explain(e *jsonschema.ValidationError, inherited fault.Code) []events.ProblemError {
	keyword := ""
	if path := e.ErrorKind.KeywordPath(); len(path) > 0 {
		keyword = path[0]
	}
	switch e.ErrorKind.(type) {
	case *kind.OneOf:
		keyword = "oneOf"
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		code := r.code(e.SchemaURL, "", inherited)
		var list []events.ProblemError
		for _, cause := range e.Causes {
			list = append(list, r.explain(cause, code)...)
		}
		return list
	}
	if _, any := e.ErrorKind.(*kind.AnyOf); any && len(e.Causes) > 0 {
		// The first of several ways is the usual one.
		return r.explain(e.Causes[0], r.code(e.SchemaURL, "", inherited))
	}
	code := r.code(e.SchemaURL, keyword, inherited)
	pointer := join(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		var list []events.ProblemError
		for _, key := range k.Missing {
			list = append(list, complaint(pointer, code, strconv.Quote(key)+" is missing"))
		}
		return list
	case *kind.AdditionalProperties:
		var list []events.ProblemError
		for _, key := range k.Properties {
			list = append(list, complaint(pointer+"/"+escape(key), code, r.unknown(e.SchemaURL, key)))
		}
		return list
	}
	detail := r.detail(e.SchemaURL, keyword)
	if detail == "" {
		detail = plain(e.ErrorKind)
	}
	return []events.ProblemError{complaint(pointer, code, detail)}
}

// plain says what is wanted, from the schema alone.
func plain(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "want " + strings.Join(k.Want, " or ") + ", got " + k.Got
	case *kind.Enum:
		return "use one of " + strings.Trim(fmt.Sprintf("%q", k.Want), "[]")
	case *kind.MinLength:
		return fmt.Sprintf("want at least %d characters, got %d", k.Want, k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("want at most %d characters, got %d", k.Want, k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("want at least %d items, got %d", k.Want, k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("want at most %d items, got %d", k.Want, k.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("want at most %d keys, got %d", k.Want, k.Got)
	case *kind.Minimum:
		return "want at least " + k.Want.RatString()
	case *kind.Maximum:
		return "want at most " + k.Want.RatString()
	case *kind.Pattern:
		return "want a text that matches " + k.Want
	case *kind.Format:
		return "want a valid " + k.Want
	case *kind.ContentEncoding:
		return "want valid " + k.Want
	}
	return "not what the schema allows here"
}

// unknown says that a key is not known, and which one may have been meant.
func (r *registry) unknown(schemaURL, key string) string {
	if d := r.detail(schemaURL, "additionalProperties"); d != "" {
		return d
	}
	path := r.lookup(schemaURL)
	known, _ := path[len(path)-1]["properties"].(map[string]any)
	best, distance := "", 3
	for name := range known {
		if d := edits(key, name); d < distance || d == distance && name < best {
			best, distance = name, d
		}
	}
	if best == "" {
		return "unknown field"
	}
	return "unknown field; did you mean " + strconv.Quote(best) + "?"
}

// edits is the edit distance of a and b in bytes, or 3 when their lengths alone
// put them further apart.
func edits(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// code is the fault for a violation of keyword at a schema.
func (r *registry) code(schemaURL, keyword string, inherited fault.Code) fault.Code {
	path := r.lookup(schemaURL)
	for i := len(path) - 1; i >= 0; i-- {
		switch x := path[i]["x-fault"].(type) {
		case string:
			return fault.Code(x)
		case map[string]any:
			own, _ := x[keyword].(string)
			if own != "" && i == len(path)-1 {
				return fault.Code(own)
			}
			if all, _ := x["*"].(string); all != "" {
				return fault.Code(all)
			}
		}
	}
	return inherited
}

// detail is the text that a schema has for a violation of keyword, or "".
func (r *registry) detail(schemaURL, keyword string) string {
	path := r.lookup(schemaURL)
	switch x := path[len(path)-1]["x-detail"].(type) {
	case string:
		if keyword != "type" {
			return x
		}
	case map[string]any:
		s, _ := x[keyword].(string)
		return s
	}
	return ""
}

// lookup returns the objects on the way from the root of a schema document to the
// place that a URL with a JSON pointer names. There is always at least one.
func (r *registry) lookup(schemaURL string) []map[string]any {
	base, fragment, _ := strings.Cut(schemaURL, "#")
	at := r.docs[base]
	root, _ := at.(map[string]any)
	path := []map[string]any{root}
	for _, part := range strings.Split(strings.TrimPrefix(fragment, "/"), "/") {
		part, _ = url.PathUnescape(part)
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch v := at.(type) {
		case map[string]any:
			at = v[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v) {
				return path
			}
			at = v[i]
		}
		if object, ok := at.(map[string]any); ok {
			path = append(path, object)
		}
	}
	return path
}

// join writes the parts of a place as a JSON pointer.
func join(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("/" + escape(p))
	}
	return b.String()
}
