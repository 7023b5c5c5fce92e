package main

import (
	"io/fs"
	"path"
	"strings"
)

// shape turns JSON Schemas into tables of members.
type shape struct {
	// root has the files, and file is the schema that references start from.
	root fs.FS
	file string
	doc  node
	// elsewhere says how a reference is shown, when it is to be a link and not to be
	// followed. It may be nil.
	elsewhere func(ref string) string
}

var memberHead = []string{"member", "type", "default", "meaning"}

// members lists the members of a schema of an object and, below theirs, those of
// members that are objects: parent.child, and list[].child of lists.
func (s shape) members(of node, prefix string) ([][]string, error) {
	var rows [][]string
	of, err := s.resolve(of)
	if err != nil {
		return nil, err
	}
	for name, member := range of.at("properties").entries() {
		full, err := s.resolve(member)
		if err != nil {
			return nil, err
		}
		name = prefix + name
		meaning := plain(first(member.at("description"), full.at("description")))
		if of.at("required").has(name[len(prefix):]) {
			meaning = strings.TrimSpace("Required. " + meaning)
		}
		rows = append(rows, []string{
			quote(name), s.kind(member, full), quote(first(member.at("default"), full.at("default"))), meaning,
		})
		below := full
		if full.at("items").there() {
			name, below = name+"[]", full.at("items")
		}
		if s.link(below) != "" || s.link(member) != "" {
			continue
		}
		more, err := s.members(below, name+".")
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// resolve follows a reference, unless it is shown as a link.
func (s shape) resolve(n node) (node, error) {
	ref := n.at("$ref").text()
	if ref == "" || s.link(n) != "" {
		return n, nil
	}
	file, pointer, _ := strings.Cut(ref, "#")
	doc := s.doc
	if file != "" {
		var err error
		if doc, err = open(s.root, path.Join(path.Dir(s.file), file)); err != nil {
			return n, err
		}
	}
	return doc.at(strings.FieldsFunc(pointer, func(r rune) bool { return r == '/' })...), nil
}

func (s shape) link(n node) string {
	ref := n.at("$ref").text()
	if ref == "" || s.elsewhere == nil {
		return ""
	}
	return s.elsewhere(ref)
}

// kind says what values a member takes: its type, its words, and its bounds.
func (s shape) kind(member, full node) string {
	if link := s.link(member); link != "" {
		return link
	}
	if v := full.at("const"); v.there() {
		return quote(v.text())
	}
	if words := full.at("enum"); words.there() {
		return quotes(words.strings())
	}
	parts := []string{s.name(full)}
	for _, b := range bounds {
		if v := full.at(b.key); v.there() {
			parts = append(parts, b.words+" "+v.text())
		}
	}
	if full.at("uniqueItems").text() == "true" {
		parts = append(parts, "no two the same")
	}
	return strings.Join(parts, ", ")
}

// bounds are the words of a schema for how much may be.
var bounds = []struct{ key, words string }{
	{"minimum", "from"},
	{"maximum", "to"},
	{"minLength", "length from"},
	{"maxLength", "length to"},
	{"minItems", "count from"},
	{"maxItems", "count to"},
	{"maxProperties", "count to"},
}

// name is the type of a schema in words.
func (s shape) name(full node) string {
	switch kinds := full.at("type"); {
	case full.at("oneOf").there():
		var names []string
		for _, one := range full.at("oneOf").items() {
			names = append(names, s.name(one))
		}
		return strings.Join(names, " or ")
	case len(kinds.items()) > 0:
		return strings.Join(kinds.strings(), " or ")
	case kinds.text() == "array":
		item, err := s.resolve(full.at("items"))
		if err != nil || !item.there() {
			return "list"
		}
		return "list of " + strings.ReplaceAll(s.kind(full.at("items"), item), ", ", "; ")
	case kinds.text() == "object" && full.at("additionalProperties", "type").there():
		return "object of " + full.at("additionalProperties", "type").text()
	case full.at("format").text() == "date-time":
		return "time, RFC 3339"
	case kinds.text() == "":
		return "any"
	default:
		return kinds.text()
	}
}

// first returns the text of the first that has one.
func first(of ...node) string {
	for _, n := range of {
		if t := n.text(); t != "" {
			return t
		}
	}
	return ""
}
