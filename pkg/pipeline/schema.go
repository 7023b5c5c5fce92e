package pipeline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaURL is where a schema claims to be, so that its references have a base.
const schemaURL = "millrace:///schema.json"

// draft is the dialect of parameter schemas.
const draft = "https://json-schema.org/draft/2020-12/schema"

// errOutside is why a schema's reference to a file or an address is not followed.
var errOutside = errors.New("a schema refers only into itself")

// noLoader keeps the schema compiler from reading files and addresses.
type noLoader struct{}

// Load refuses.
func (noLoader) Load(string) (any, error) { return nil, errOutside }

// schema is a compiled JSON Schema with its source.
type schema struct {
	compiler *jsonschema.Compiler
	compiled *jsonschema.Schema
	raw      any
}

// newSchema compiles a schema that package json has decoded.
func newSchema(raw any) (*schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, raw); err != nil {
		return nil, fmt.Errorf("add schema: %w", err)
	}
	compiled, err := c.Compile(schemaURL)
	if err != nil {
		return nil, err
	}
	return &schema{compiler: c, compiled: compiled, raw: raw}, nil
}

// part compiles a part of the schema.
func (s *schema) part(path []string) (*jsonschema.Schema, error) {
	return s.compiler.Compile(schemaURL + "#" + fragment(path))
}

// properties returns the names of the properties of the schema object at a
// location that an error names.
func (s *schema) properties(location string) []string {
	_, pointer, _ := strings.Cut(location, "#")
	at := s.raw
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := at.(type) {
		case map[string]any:
			at = v[token]
		default:
			return nil
		}
	}
	object, _ := at.(map[string]any)
	declared, _ := object["properties"].(map[string]any)
	names := make([]string, 0, len(declared))
	for name := range declared {
		names = append(names, name)
	}
	return names
}

// pointer writes a JSON pointer.
func pointer(path []string) string {
	var b strings.Builder
	for _, token := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
	}
	return b.String()
}

// fragment writes a JSON pointer as the fragment of an address.
func fragment(path []string) string {
	var b strings.Builder
	for _, c := range []byte(pointer(path)) {
		if c == '/' || c == '~' || c == '-' || c == '_' || c == '.' ||
			c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
