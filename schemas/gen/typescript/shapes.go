package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// generator writes shapes and remembers what they refer to.
type generator struct {
	doc      document
	words    map[string]*list // by the words
	declared map[string]bool
	wanted   map[string]string // what is referred to, and by whom
	b        strings.Builder
}

func newGenerator(d document) *generator {
	g := &generator{
		doc: d, words: map[string]*list{}, declared: map[string]bool{}, wanted: map[string]string{},
	}
	for _, file := range slices.Sorted(maps.Keys(d.schemas)) {
		g.learn(d.schemas[file])
	}
	return g
}

// list is a list of words that has a name.
type list struct {
	name, about string
	used        bool // by a shape
}

// learn takes the lists of words of a schema. What shares its name with a shape goes
// without.
func (g *generator) learn(doc node) {
	defs := child(doc, "$defs")
	for _, name := range keys(defs) {
		def := child(defs, name)
		if !isName(name) {
			name = text(doc, "title") + strings.ToUpper(name[:1]) + name[1:]
		}
		if words := texts(def, "enum"); words != nil && child(g.doc.api, "components", "schemas", name) == nil {
			g.words[strings.Join(words, " ")] = &list{name: name, about: text(def, "description")}
		}
	}
}

// shape declares an object. What is none has no shape of its own.
func (g *generator) shape(file, name string, s node) {
	if !isName(name) || g.declared[name] || child(s, "properties") == nil {
		return
	}
	g.declared[name] = true
	comment(&g.b, "", text(s, "description"))
	fmt.Fprintf(&g.b, "export interface %s {\n", name)
	required := texts(s, "required")
	properties := child(s, "properties")
	for _, key := range keys(properties) {
		p := child(properties, key)
		comment(&g.b, "\t", renamed(text(p, "description"), key))
		optional := "?"
		if slices.Contains(required, key) {
			optional = ""
		}
		fmt.Fprintf(&g.b, "\t%s%s: %s\n", property(key), optional, g.typeOf(file, name, p))
	}
	g.b.WriteString("}\n\n")
}

// typeOf is the type of a schema in a file, for the shape that is named.
func (g *generator) typeOf(file, of string, s node) string {
	if ref := text(s, "$ref"); ref != "" {
		name, target, in := g.doc.resolve(file, ref)
		if !isName(name) || target["enum"] != nil {
			return g.typeOf(in, of, target)
		}
		g.wanted[name] = of
		return name
	}
	if words := texts(s, "enum"); words != nil {
		return g.enum(words)
	}
	for _, either := range []string{"oneOf", "anyOf"} {
		if list, ok := s[either].([]any); ok {
			return g.union(file, of, list)
		}
	}
	if list := texts(s, "type"); list != nil {
		var types []string
		for _, t := range list {
			types = append(types, g.plain(file, of, t, s))
		}
		return strings.Join(types, " | ")
	}
	return g.plain(file, of, text(s, "type"), s)
}

func (g *generator) union(file, of string, list []any) string {
	var types []string
	for _, s := range list {
		s, _ := s.(node)
		types = append(types, g.typeOf(file, of, s))
	}
	return strings.Join(types, " | ")
}

// enum is the name of a list of words, or the words.
func (g *generator) enum(words []string) string {
	if l := g.words[strings.Join(words, " ")]; l != nil {
		l.used = true
		return l.name
	}
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, quote(w))
	}
	return strings.Join(quoted, " | ")
}

// plain is the type of a schema that is of a type of JSON.
func (g *generator) plain(file, of, kind string, s node) string {
	switch kind {
	case "integer", "number":
		return "number"
	case "string", "boolean", "null":
		return kind
	case "array":
		items := g.typeOf(file, of, child(s, "items"))
		if strings.Contains(items, " | ") {
			items = "(" + items + ")"
		}
		return items + "[]"
	case "object":
		values := child(s, "additionalProperties")
		for _, pattern := range keys(child(s, "patternProperties")) {
			values = child(s, "patternProperties", pattern)
		}
		return "{ [name: string]: " + g.typeOf(file, of, values) + " }"
	}
	return "unknown"
}

// finish declares the lists of words, and fails when a shape refers to what there is not.
func (g *generator) finish() (string, error) {
	for name, of := range g.wanted {
		if !g.declared[name] {
			return "", fmt.Errorf("%s refers to %s, which is not declared", of, name)
		}
	}
	for _, words := range slices.Sorted(maps.Keys(g.words)) {
		l := g.words[words]
		if !l.used {
			continue
		}
		comment(&g.b, "", l.about)
		fmt.Fprintf(&g.b, "export type %s =", l.name)
		for _, w := range strings.Fields(words) {
			fmt.Fprintf(&g.b, "\n\t| %s", quote(w))
		}
		g.b.WriteString("\n\n")
	}
	return strings.TrimRight(g.b.String(), "\n") + "\n", nil
}
