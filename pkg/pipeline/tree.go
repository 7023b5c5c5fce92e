package pipeline

import (
	"encoding/json"
	"math"
	"strconv"
)

// kind is the type of a value in the file, as JSON knows it.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindText
	kindList
	kindObject
)

// String returns the kind with its article, for messages.
func (k kind) String() string {
	return [...]string{"nothing", "true or false", "a number", "a string", "a list", "a mapping"}[k]
}

// style is how a string was written; it decides where its characters stand.
type style int

const (
	stylePlain style = iota
	styleSingle
	styleDouble
	styleBlock
)

// node is a value of the file with its place.
type node struct {
	kind  kind
	at    position
	style style
	// text is the content of a string, or the JSON literal of a number.
	text string
	// raw is what stands in the file for a plain scalar.
	raw    string
	truth  bool
	items  []*node
	fields []field
}

// field is an entry of a mapping.
type field struct {
	name  string
	at    position
	value *node
}

// get returns the value of a field, or nil.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for i := range n.fields {
		if n.fields[i].name == name {
			return n.fields[i].value
		}
	}
	return nil
}

// keyAt returns the place of a field's name, or that of the node itself.
func (n *node) keyAt(name string) position {
	for i := range n.fields {
		if n.fields[i].name == name {
			return n.fields[i].at
		}
	}
	return n.at
}

// find follows a JSON pointer's tokens as far as they lead. at is the place to
// show: that of the key for a field.
func (n *node) find(path []string) (found *node, at position, ok bool) {
	at = n.at
	for _, token := range path {
		var next *node
		switch n.kind {
		case kindObject:
			if next = n.get(token); next != nil {
				at = n.keyAt(token)
			}
		case kindList:
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.items) {
				next = n.items[i]
				at = next.at
			}
		}
		if next == nil {
			return n, at, false
		}
		n = next
	}
	return n, at, true
}

// value returns the node as package json would decode it, with numbers as
// [json.Number].
func (n *node) value() any {
	switch n.kind {
	case kindBool:
		return n.truth
	case kindNumber:
		return json.Number(n.text)
	case kindText:
		return n.text
	case kindList:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = item.value()
		}
		return list
	case kindObject:
		object := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			object[f.name] = f.value.value()
		}
		return object
	}
	return nil
}

// whole returns the value of an integer.
func (n *node) whole() (int64, bool) {
	if n.kind != kindNumber {
		return 0, false
	}
	if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
		return i, true
	}
	f, err := strconv.ParseFloat(n.text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}
