package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// node is an object of a document.
type node = map[string]any

// beside are the schemas of what the API sends besides JSON answers: server-sent events
// and webhooks.
var beside = []string{"progress.v1.json", "notification.v1.json"}

// document is everything that shapes are made of.
type document struct {
	api     node            // openapi.yaml
	schemas map[string]node // the JSON Schemas by the names of their files
}

func readDocument(schemas fs.FS) (d document, err error) {
	data, err := fs.ReadFile(schemas, "openapi.yaml")
	if err != nil {
		return d, err
	}
	if err := yaml.Unmarshal(data, &d.api); err != nil {
		return d, fmt.Errorf("openapi.yaml: %w", err)
	}
	names, err := fs.Glob(schemas, "*.v1.json")
	if err != nil {
		return d, err
	}
	d.schemas = map[string]node{}
	for _, name := range names {
		data, err := fs.ReadFile(schemas, name)
		if err != nil {
			return d, err
		}
		var n node
		if err := json.Unmarshal(data, &n); err != nil {
			return d, fmt.Errorf("%s: %w", name, err)
		}
		d.schemas[name] = n
	}
	return d, nil
}

// apiTS is api_gen.ts: the shapes that the document names, the queries and bodies of its
// operations, and the words that they use.
func apiTS(schemas fs.FS) (string, error) {
	d, err := readDocument(schemas)
	if err != nil {
		return "", err
	}
	g := newGenerator(d)
	components := child(d.api, "components", "schemas")
	for _, name := range keys(components) {
		g.shape("", name, child(components, name))
	}
	for _, file := range beside {
		doc := d.schemas[file]
		g.shape(file, text(doc, "title"), doc)
		defs := child(doc, "$defs")
		for _, name := range keys(defs) {
			g.shape(file, name, child(defs, name))
		}
	}
	g.operations()
	return g.finish()
}

// operations declares the query and the body of each operation that has one of its own.
func (g *generator) operations() {
	paths := child(g.doc.api, "paths")
	for _, p := range keys(paths) {
		for _, method := range keys(child(paths, p)) {
			op := child(paths, p, method)
			id := text(op, "operationId")
			name := strings.ToUpper(id[:1]) + id[1:]
			about := strings.ToUpper(method) + " " + p
			if query := queryOf(op); query != nil {
				query["description"] = name + "Query is what can be asked of " + about + "."
				g.shape("", name+"Query", query)
			}
			body := child(op, "requestBody", "content", "application/json", "schema")
			if body["properties"] != nil {
				body["description"] = name + "Body is the body of " + about + "."
				g.shape("", name+"Body", body)
			}
		}
	}
}

// queryOf is the query of an operation as a schema, or nil.
func queryOf(op node) node {
	properties := node{}
	parameters, _ := op["parameters"].([]any)
	for _, p := range parameters {
		p, _ := p.(node)
		if p["in"] != "query" {
			continue
		}
		s := maps.Clone(child(p, "schema"))
		s["description"] = p["description"]
		properties[text(p, "name")] = s
	}
	if len(properties) == 0 {
		return nil
	}
	return node{"properties": properties}
}

// child follows names down from a node. What is not there has no children.
func child(n node, names ...string) node {
	for _, name := range names {
		n, _ = n[name].(node)
	}
	return n
}

// text is the string under a name, or "".
func text(n node, name string) string {
	s, _ := n[name].(string)
	return s
}

// texts are the strings of the list under a name.
func texts(n node, name string) []string {
	var list []string
	values, _ := n[name].([]any)
	for _, v := range values {
		if s, ok := v.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// keys are the names in a node, in order.
func keys(n node) []string { return slices.Sorted(maps.Keys(n)) }

// resolve finds what a reference in a file leads to, and its name.
func (d document) resolve(file, ref string) (name string, s node, in string) {
	target, pointer, _ := strings.Cut(ref, "#")
	if rest, ok := strings.CutPrefix(pointer, "/components/schemas/"); ok {
		return rest, child(d.api, "components", "schemas", rest), ""
	}
	if target == "" {
		target = file
	}
	doc := d.schemas[target]
	if pointer == "" {
		return text(doc, "title"), doc, target
	}
	return path.Base(pointer), child(doc, "$defs", path.Base(pointer)), target
}
