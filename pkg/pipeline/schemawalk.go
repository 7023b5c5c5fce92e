package pipeline

import (
	"slices"
	"strings"
)

// maxSchemaParts bounds the work of checking parameters.
const maxSchemaParts = 2000

// Keywords of JSON Schema by what they hold.
var (
	// schemaOfOne hold a schema, schemaOfMany a mapping of schemas, schemaOfList a list.
	schemaOfOne = []string{
		"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
		"unevaluatedItems", "unevaluatedProperties", "contentSchema",
	}
	schemaOfMany = []string{
		"properties", "patternProperties", "$defs", "definitions",
		"dependentSchemas",
	}
	schemaOfList = []string{"allOf", "anyOf", "oneOf", "prefixItems"}

	schemaPlain = []string{
		"$schema", "$ref", "$comment", "type", "enum", "const", "multipleOf", "maximum", "minimum",
		"exclusiveMaximum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems",
		"minItems", "uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties",
		"required", "dependentRequired", "title", "description", "default", "deprecated", "readOnly",
		"writeOnly", "examples", "format", "contentEncoding", "contentMediaType",
	}
	schemaRefused = []string{
		"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor",
		"$vocabulary",
	}
	schemaKnown = slices.Concat(schemaOfOne, schemaOfMany, schemaOfList, schemaPlain, schemaRefused)

	schemaFormats = []string{
		"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "iri", "iri-reference",
		"json-pointer", "period", "regex", "relative-json-pointer", "semver", "time", "uri",
		"uri-reference", "uri-template", "uuid",
	}
)

// schemaWalk looks at a parameter schema where the schema of schemas does not:
// at references, at keywords that are not known, at size.
type schemaWalk struct {
	*report
	root *node
	// weight counts the parts of a schema with its references followed; -1 while
	// that is being found out.
	weight map[*node]int
	// defaults are the paths of schemas that have a default.
	defaults [][]string
	// looped is true when a reference leads back to itself.
	looped bool
}

// schema visits a schema and those inside it.
func (w *schemaWalk) schema(n *node, path []string) {
	if n.kind != kindObject {
		return
	}
	for _, f := range n.fields {
		w.keyword(n, f, path)
	}
	w.children(n, func(child *node, at ...string) {
		w.schema(child, slices.Concat(path, at))
	})
}

func (w *schemaWalk) keyword(n *node, f field, path []string) {
	switch {
	case f.name == "$ref":
		w.reference(f)
	case f.name == "$schema":
		if len(path) > 0 || f.value.text != draft {
			w.complain(ruleParamsKeyword, f.at, "remove it, or write "+draft,
				"parameter schemas are of draft 2020-12")
		}
	case f.name == "default":
		w.defaults = append(w.defaults, path)
	case f.name == "format":
		if f.value.kind == kindText && !contains(schemaFormats, f.value.text) {
			w.complain(ruleParamsUnknown, f.value.at, didYouMean(f.value.text, schemaFormats),
				"the format %s is not known, so it checks nothing", quote(f.value.text))
		}
	case contains(schemaRefused, f.name):
		w.complain(ruleParamsKeyword, f.at, "remove it", "%s is not supported in parameter schemas",
			f.name)
	case !contains(schemaKnown, f.name) && !strings.HasPrefix(f.name, "x-"):
		w.complain(ruleParamsUnknown, f.at, didYouMean(f.name, schemaKnown),
			"%s is no keyword of JSON Schema, so it checks nothing", quote(f.name))
	}
}

// reference checks that a reference leads to a place inside the schema.
func (w *schemaWalk) reference(f field) {
	if f.value.kind != kindText {
		return
	}
	if _, ok := w.target(f.value.text); ok {
		return
	}
	if !strings.HasPrefix(f.value.text, "#") {
		w.complain(ruleParamsOutside, f.value.at, "write #/$defs/… and put the schema under $defs",
			"the reference %s leads outside", quote(f.value.text))
		return
	}
	w.complain(ruleParams, f.value.at, w.referenceHint(f.value.text),
		"the reference %s leads nowhere", quote(f.value.text))
}

func (w *schemaWalk) referenceHint(ref string) string {
	name, ok := strings.CutPrefix(ref, "#/$defs/")
	defs := w.root.get("$defs")
	if !ok || defs == nil {
		return ""
	}
	var names []string
	for _, f := range defs.fields {
		names = append(names, f.name)
	}
	if near := nearest(name, names); near != "" {
		return "did you mean #/$defs/" + near + "?"
	}
	return ""
}

// target follows a reference into the schema.
func (w *schemaWalk) target(ref string) (*node, bool) {
	if ref == "#" {
		return w.root, true
	}
	rest, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, false
	}
	var path []string
	for _, token := range strings.Split(rest, "/") {
		path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
	}
	n, _, found := w.root.find(path)
	return n, found
}

// weigh counts the parts of a schema with its references followed, up to one more
// than allowed. It complains about references that lead back.
func (w *schemaWalk) weigh(n *node) int {
	if n.kind != kindObject {
		return 1
	}
	if known, ok := w.weight[n]; ok {
		return max(known, 0)
	}
	w.weight[n] = -1
	total := 1
	if ref := n.get("$ref"); ref != nil && ref.kind == kindText {
		if target, ok := w.target(ref.text); ok {
			if w.weight[target] == -1 {
				w.looped = true
				w.complain(ruleParamsKeyword, ref.at, "write the schema out to the depth you need",
					"the reference %s leads back to itself", quote(ref.text))
			}
			total += w.weigh(target)
		}
	}
	w.children(n, func(child *node, _ ...string) {
		total = min(total+w.weigh(child), maxSchemaParts+1)
	})
	w.weight[n] = total
	return total
}

// children calls visit for every schema directly inside n, in the order of the file.
func (w *schemaWalk) children(n *node, visit func(child *node, at ...string)) {
	for _, f := range n.fields {
		switch {
		case contains(schemaOfOne, f.name):
			visit(f.value, f.name)
		case contains(schemaOfMany, f.name) && f.value.kind == kindObject:
			for _, inner := range f.value.fields {
				visit(inner.value, f.name, inner.name)
			}
		case contains(schemaOfList, f.name) && f.value.kind == kindList:
			for i, item := range f.value.items {
				visit(item, f.name, itoa(i))
			}
		}
	}
}
