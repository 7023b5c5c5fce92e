package main

import (
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// node is a value of a JSON or YAML document, whose mappings keep their order. The zero
// value is what is not there.
type node struct{ value any }

// read reads a document.
func read(data []byte) (node, error) {
	var v any
	err := yaml.UnmarshalWithOptions(data, &v, yaml.UseOrderedMap())
	return node{v}, err
}

// open reads the document in a file.
func open(root fs.FS, name string) (node, error) {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return node{}, err
	}
	n, err := read(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return n, err
}

// there reports whether there is a value.
func (n node) there() bool { return n.value != nil }

// at follows keys through mappings.
func (n node) at(keys ...string) node {
	for _, key := range keys {
		found := node{}
		for k, v := range n.entries() {
			if k == key {
				found = v
			}
		}
		n = found
	}
	return n
}

// entries are the keys and values of a mapping, in order.
func (n node) entries() iter.Seq2[string, node] {
	return func(yield func(string, node) bool) {
		all, _ := n.value.(yaml.MapSlice)
		for _, e := range all {
			if !yield(fmt.Sprint(e.Key), node{e.Value}) {
				return
			}
		}
	}
}

// items are the values of a list.
func (n node) items() []node {
	all, _ := n.value.([]any)
	out := make([]node, len(all))
	for i, v := range all {
		out[i] = node{v}
	}
	return out
}

// strings are the values of a list, as they would be typed.
func (n node) strings() []string {
	var out []string
	for _, v := range n.items() {
		out = append(out, v.text())
	}
	return out
}

// has reports whether a list has a string.
func (n node) has(s string) bool { return slices.Contains(n.strings(), s) }

// text is a value as it would be typed; of what is not there, "".
func (n node) text() string {
	switch v := n.value.(type) {
	case nil:
		return ""
	case []any:
		return "[" + strings.Join(n.strings(), ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}
