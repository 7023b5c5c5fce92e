package pipeline

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	jskind "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// mismatch is one way in which a value does not match a schema.
type mismatch struct {
	// path leads to the value, key is the name of the offending field of it, if any.
	path          []string
	key           string
	message, hint string
	// wrongType is true when the value has another type than the schema wants.
	wrongType bool
}

// matcher explains why a value does not match a schema. Values that are
// expressions match anything, as nobody knows yet what they will be.
type matcher struct {
	schema *schema
	// root names the value in messages.
	root string
	// open returns whether the value at a path is, or is inside, an expression
	// and whether it has one inside. Nil means neither.
	open func(path []string) (is, has bool)
}

// explain returns every mismatch in the order of the paths.
func (m *matcher) explain(err *jsonschema.ValidationError) []mismatch {
	if m.possible(err) {
		return nil
	}
	out := m.collect(err, nil)
	slices.SortFunc(out, func(a, b mismatch) int {
		return cmp.Or(slices.Compare(a.path, b.path), cmp.Compare(a.key, b.key),
			cmp.Compare(a.message, b.message))
	})
	return slices.CompactFunc(out, func(a, b mismatch) bool {
		return slices.Equal(a.path, b.path) && a.key == b.key && a.message == b.message
	})
}

func (m *matcher) isOpen(path []string) (is, has bool) {
	if m.open == nil {
		return false, false
	}
	return m.open(path)
}

// possible reports whether some value of the expressions could make the error go
// away.
func (m *matcher) possible(e *jsonschema.ValidationError) bool {
	is, has := m.isOpen(e.InstanceLocation)
	if is || has && conditional(e.SchemaURL) {
		return true
	}
	switch k := e.ErrorKind.(type) {
	case *jskind.AnyOf, *jskind.OneOf:
		if one, ok := k.(*jskind.OneOf); ok && len(one.Subschemas) > 0 {
			return has
		}
		return slices.ContainsFunc(e.Causes, m.possible)
	case *jskind.Enum, *jskind.Const, *jskind.Not, *jskind.UniqueItems, *jskind.Contains,
		*jskind.MinContains, *jskind.MaxContains, *jskind.InvalidJsonValue:
		return has
	}
	if len(e.Causes) == 0 {
		return false
	}
	return !slices.ContainsFunc(e.Causes,
		func(c *jsonschema.ValidationError) bool { return !m.possible(c) })
}

// conditional reports whether a part of a schema applies only for some values.
func conditional(location string) bool {
	for _, word := range []string{"/then", "/else", "/dependentSchemas/"} {
		if strings.Contains(location, word) {
			return true
		}
	}
	return false
}

func (m *matcher) collect(e *jsonschema.ValidationError, into []mismatch) []mismatch {
	switch e.ErrorKind.(type) {
	case *jskind.AnyOf, *jskind.OneOf:
		return m.choose(e, into)
	case *jskind.PropertyNames, *jskind.Contains, *jskind.Not:
		return m.leaf(e, into)
	}
	if len(e.Causes) == 0 {
		return m.leaf(e, into)
	}
	for _, c := range e.Causes {
		if !m.possible(c) {
			into = m.collect(c, into)
		}
	}
	return into
}

// choose explains why none of several schemas fits: by the only one that was
// meant, which is the one for values of this type, or by naming them all.
func (m *matcher) choose(e *jsonschema.ValidationError, into []mismatch) []mismatch {
	var meant [][]mismatch
	var reasons []string
	for _, c := range e.Causes {
		found := m.collect(c, nil)
		if !slices.ContainsFunc(found, func(f mismatch) bool {
			return f.wrongType && len(f.path) == len(e.InstanceLocation)
		}) {
			meant = append(meant, found)
			if len(found) > 0 && len(reasons) < 3 {
				reasons = append(reasons, found[0].message)
			}
		}
	}
	if len(meant) == 1 {
		return append(into, meant[0]...)
	}
	slices.Sort(reasons)
	return append(into, mismatch{
		path:    e.InstanceLocation,
		message: m.name(e.InstanceLocation) + " has none of the forms it may have",
		hint:    strings.Join(reasons, "; or "),
	})
}

func (m *matcher) leaf(e *jsonschema.ValidationError, into []mismatch) []mismatch {
	name := m.name(e.InstanceLocation)
	_, wrongType := e.ErrorKind.(*jskind.Type)
	add := func(key, message, hint string) {
		into = append(into, mismatch{e.InstanceLocation, key, message, hint, wrongType})
	}
	switch k := e.ErrorKind.(type) {
	case *jskind.AdditionalProperties:
		known := m.schema.properties(e.SchemaURL)
		for _, key := range k.Properties {
			add(key, name+" has no field "+quote(key), fieldHint(key, known))
		}
	case *jskind.Required:
		for _, key := range k.Missing {
			add("", name+" lacks "+quote(key), "add "+key+":")
		}
	case *jskind.PropertyNames:
		add(k.Property, name+" may not have a field "+quote(k.Property), "")
	default:
		message, hint := say(e.ErrorKind)
		add("", name+" "+message, hint)
	}
	return into
}

func fieldHint(key string, known []string) string {
	if len(known) == 0 {
		return "remove it"
	}
	if hint := didYouMean(key, known); hint != "" {
		return hint
	}
	slices.Sort(known)
	return "it takes " + oneOf(known)
}

// name writes a path for people: "with.items[2].name".
func (m *matcher) name(path []string) string {
	var b strings.Builder
	b.WriteString(m.root)
	for _, token := range path {
		if _, err := strconv.Atoi(token); err == nil {
			b.WriteString("[" + token + "]")
			continue
		}
		b.WriteString("." + token)
	}
	return b.String()
}
