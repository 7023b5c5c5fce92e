package pipeline

import (
	"encoding/json"
	"errors"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// params checks the parameter schema and compiles it. It returns nil when there
// is none or it is not usable.
func (c *checker) params(spec *section) *schema {
	n := spec.optional("params")
	if n == nil || !spec.is(n, "params", kindObject) {
		return nil
	}
	before := len(c.found)
	w := &schemaWalk{report: c.report, root: n, weight: make(map[*node]int)}
	w.schema(n, nil)
	if w.weigh(n) > maxSchemaParts {
		c.complain(ruleParamsTooLarge, n.at, "", "the parameter schema has more than %d parts",
			maxSchemaParts)
		return nil
	}
	if w.looped {
		return nil
	}
	if t := n.get("type"); t != nil && t.kind == kindText && t.text != "object" {
		c.complain(ruleParams, n.keyAt("type"), "write type: object", "parameters are an object")
	}
	sch, err := newSchema(n.value())
	if err != nil {
		c.paramsError(n, err, len(c.found) > before)
		return nil
	}
	for _, path := range w.defaults {
		c.paramsDefault(n, sch, path)
	}
	if hasErrors(c.found[before:]) {
		return nil
	}
	return sch
}

// paramsError reports why the schema does not compile. What the walk already
// complained about is not said again.
func (c *checker) paramsError(n *node, err error, known bool) {
	var invalid *jsonschema.SchemaValidationError
	var bad *jsonschema.ValidationError
	if errors.As(err, &invalid) && errors.As(invalid.Err, &bad) {
		m := &matcher{schema: &schema{}, root: "params"}
		for _, f := range m.explain(bad) {
			c.complain(ruleParams, placeOf(n, n.at, f), f.hint, "%s, by the schema of schemas", f.message)
		}
		return
	}
	if !known {
		c.complain(ruleParams, n.at, "", "the parameter schema is not valid: %s", oneLine(err.Error()))
	}
}

// paramsDefault checks a default against the schema it stands in.
func (c *checker) paramsDefault(n *node, sch *schema, path []string) {
	part, err := sch.part(path)
	if err != nil {
		return
	}
	owner, _, ok := n.find(path)
	if !ok {
		return
	}
	var bad *jsonschema.ValidationError
	value := owner.get("default")
	if err := part.Validate(withDefaults(part, value.value())); errors.As(err, &bad) {
		m := &matcher{schema: sch, root: "default"}
		for _, f := range m.explain(bad) {
			c.complain(ruleParamsDefault, placeOf(value, value.at, f), f.hint,
				"%s, by the schema it stands in", f.message)
		}
	}
}

// withDefaults returns value with the defaults of absent properties, also those
// of nested objects. It changes objects in place.
func withDefaults(s *jsonschema.Schema, value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	for s != nil {
		for name, p := range s.Properties {
			v, have := object[name]
			if fallback := defaultOf(p); !have && fallback != nil {
				v, have = cloneJSON(*fallback), true
			}
			if have {
				object[name] = withDefaults(p, v)
			}
		}
		s = s.Ref
	}
	return value
}

// defaultOf returns the default of a schema or of the one it refers to.
func defaultOf(s *jsonschema.Schema) *any {
	for s != nil {
		if s.Default != nil {
			return s.Default
		}
		s = s.Ref
	}
	return nil
}

// cloneJSON copies what may be changed.
func cloneJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = cloneJSON(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = cloneJSON(item)
		}
		return out
	}
	return v
}

// rawJSON writes a node as JSON, with the keys of objects in the order of the file.
func (n *node) rawJSON() json.RawMessage { return appendNode(nil, n) }
