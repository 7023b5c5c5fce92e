package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// node is a JSON object that remembers the order of its keys, because the order
// of the properties of a schema is the order of the fields in Go.
type node struct {
	keys   []string
	values map[string]any // *node, []any, string, json.Number, bool or nil
}

// parse reads one JSON object.
func parse(data []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	n, ok := v.(*node)
	if !ok {
		return nil, fmt.Errorf("not an object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the object")
	}
	return n, nil
}

func parseValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return parseObject(d)
	case json.Delim('['):
		var list []any
		for d.More() {
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return t, nil
}

func parseObject(d *json.Decoder) (*node, error) {
	n := &node{values: map[string]any{}}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key := t.(string)
		if _, twice := n.values[key]; twice {
			return nil, fmt.Errorf("key %q is given twice", key)
		}
		v, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		n.keys = append(n.keys, key)
		n.values[key] = v
	}
	_, err := d.Token()
	return n, err
}

// str returns the string under key, or "".
func (n *node) str(key string) string {
	s, _ := n.values[key].(string)
	return s
}

// child returns the object under key, or nil. A nil node has no children.
func (n *node) child(key string) *node {
	if n == nil {
		return nil
	}
	c, _ := n.values[key].(*node)
	return c
}

// strs returns the strings of the array under key.
func (n *node) strs(key string) []string {
	list, _ := n.values[key].([]any)
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
